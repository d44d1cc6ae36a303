"""The story that the conversation is about, and what may be asked about it."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.story import Story
from minigpt.datasets.tales.talk import (
    known_question,
    story_to_talk_about,
    suggestions,
)
from pages.chat import talk as chat_talk
from pages.chat.speakers import Speaker
from pages.chat.talk import STORY
from pages.frame.remember import remember

SHARE = 0.62
"""Share of the window that a story may fill: the rest is for questions and answers."""


def prepare(speaker: Speaker) -> Story | None:
    """Choose a story that this model can read, and put it into the field.

    Returns:
        The story, with what can be asked; None if no story is as short as that.
    """
    story = _story(speaker.checkpoint, chat_talk.current().number)
    text = "" if story is None else story.text
    if st.session_state.get("_chat_given") != text:
        # Another story, or another model's window: what the reader wrote stays.
        untouched = st.session_state.get("_chat_given", "") == _written()
        st.session_state["_chat_given"] = text
        if untouched:
            _put(text)
    return story


@remember(256)
def _story(checkpoint: Checkpoint, number: int) -> Story | None:
    encode, window = checkpoint.tokenizer.encode, checkpoint.model.config.max_seq_len
    return story_to_talk_about(number, lambda text: len(encode(text)) <= SHARE * window)


def show_field(story: Story | None) -> None:
    """Show the story to read and to change."""
    # The conversation keeps the text while its field is on no page.
    st.session_state[STORY] = st.session_state.get(STORY, chat_talk.current().story)
    st.text_area(
        "The story",
        key=STORY,
        height=150,
        max_chars=6000,
        on_change=chat_talk.clear,
        placeholder="There is no story. Write one, or choose another.",
        label_visibility="collapsed",
        help="The story comes before the first question. Change it or write your "
        "own: the conversation then starts again.",
    )
    if story is not None and _written() != story.text and _written():
        st.caption(
            "This is your own story. Right answers are known only for the "
            "built-in ones."
        )


def another() -> None:
    """Take the next story. Call this from a callback."""
    talk = chat_talk.current()
    if talk.turns or _written() != st.session_state.get("_chat_given"):
        chat_talk.remember(talk._replace(story=_written()))
    chat_talk.stop()
    chat_talk.forget_what_was_open()
    st.session_state["_chat"] = chat_talk.Talk(_written(), number=talk.number + 1)
    st.session_state["_chat_given"] = _written()  # so that the new one takes its place


def chips(story: Story | None) -> list[str]:
    """Return what is offered to be said, about the story as it stands now."""
    return suggestions(story, _written())


def known(story: Story | None, question: str) -> Asked | None:
    """Return a question's right answer, where the story is the built-in one."""
    if story is None or chat_talk.current().story != story.text:
        return None
    return known_question(story, question)


def _written() -> str:
    text: str = st.session_state.get(STORY, chat_talk.current().story)
    return text


def _put(text: str) -> None:
    talk = chat_talk.current()
    if talk.turns:
        chat_talk.remember(talk)
    st.session_state["_chat"] = chat_talk.Talk(text, number=talk.number)
    st.session_state[STORY] = text
