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
from minigpt.finetuning.inspection.template_effect import (
    TemplateEffect,
    first_effect,
    template_effect,
)
from pages.chat import own
from pages.chat import talk as chat_talk
from pages.chat.speakers import Speaker
from pages.chat.talk import STORY
from pages.frame import models
from pages.frame.place import linked, undotted, write
from pages.frame.remember import remember

SEARCHED = 8
"""Stories in which a question is looked for that needs the template."""
SHARE = 0.62
"""Share of the window that a story may fill: the rest is for questions and answers."""


def prepare(speaker: Speaker) -> Story | None:
    """Choose a story that this model can read, and put it into the field.

    The URL keeps which one; what was asked about it is the reader's own.

    Returns:
        The story, with what can be asked; None if no story is as short as that, or
        if the model was tuned on a file of one's own, which tells no story.
    """
    linked("story", "_chat", lambda word: chat_talk.Talk(number=undotted(word)[0]))
    if "_chat" not in st.session_state:
        st.session_state["_chat"] = chat_talk.Talk(number=opening(speaker))
    story = None
    if not own.has_own_file(speaker):
        story = story_of(speaker.checkpoint, chat_talk.current().number)
    text = "" if story is None else story.text
    if st.session_state.get("_chat_given") != text:
        # Another story, or another model's window: what the reader wrote stays.
        untouched = st.session_state.get("_chat_given", "") == _written()
        st.session_state["_chat_given"] = text
        if untouched:
            _put(text)
    number = chat_talk.current().number
    write("story", str(number) if number != opening(speaker) else None)
    return story


@remember(256)
def story_of(checkpoint: Checkpoint, number: int) -> Story | None:
    """Return one of the built-in stories that a model can read; None if none is."""
    encode, window = checkpoint.tokenizer.encode, checkpoint.model.config.max_seq_len
    return story_to_talk_about(number, lambda text: len(encode(text)) <= SHARE * window)


@remember(32, spinner="Choosing a story …", key=lambda speaker: speaker.path)
def opening(speaker: Speaker) -> int:
    """Return the first story with a question that the template makes right.

    Where there is none, and of models that were not tuned on tales, the first of all.
    """
    if not own.learns_tales(speaker):
        return 0
    for number in range(SEARCHED):
        story = story_of(speaker.checkpoint, number)
        if story is not None and effect_in(speaker, story) is not None:
            return number
    return 0


@remember(64, key=lambda speaker, asked: (speaker.path, asked))
def effect_of(speaker: Speaker, asked: Asked) -> TemplateEffect | None:
    """Return what a question gets with the template and without; None without room."""
    with models.turn_to_write():
        return template_effect(speaker.checkpoint, asked)


@remember(64, key=lambda speaker, story: (speaker.path, story.text))
def effect_in(speaker: Speaker, story: Story) -> TemplateEffect | None:
    """Return the first question of a story that the template makes right."""
    with models.turn_to_write():
        return first_effect(speaker.checkpoint, story)


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
        placeholder="There is no story: ask without one, or write your own.",
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


def chips(speaker: Speaker, story: Story | None) -> list[str]:
    """Return what is offered to be said, about the story as it stands now.

    The first is what the page's first question is about: one that needs the template.
    """
    written = _written()
    if own.has_own_file(speaker) and not written:
        return own.offered(speaker)
    offered = suggestions(story, written)
    if story is None or written != story.text or not own.learns_tales(speaker):
        return offered
    effect = effect_in(speaker, story)
    if effect is None:
        return offered
    first = effect.asked.question
    same_kind = {each.text for each in story.questions if each.kind == first.kind}
    return [first.text, *(each for each in offered if each not in same_kind)]


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
