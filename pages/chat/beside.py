"""Another model beside the one that answers: asked the very same."""

import streamlit as st

from minigpt.datasets.tales.story import Story
from minigpt.errors import MinigptError
from pages.chat import messages, speakers
from pages.chat import talk as chat_talk
from pages.chat.speakers import Speaker
from pages.frame import course, state
from pages.frame.guard import show_problem
from pages.frame.words import plain

SAME, STORY = "the same tokens", "as a story asks"
FORM = "chat_form"
"""The key of the choice between the two."""


def show(speaker: Speaker, story: Story | None) -> None:
    """Show what another model answers to each question of the conversation.

    It reads the same tokens, the first model's earlier answers included.
    """
    other = choose(speaker)
    if other is None:
        return
    form = st.segmented_control(
        "It reads",
        [SAME, STORY],
        default=SAME,
        required=True,
        key=FORM,
        **state.BOUND,
        help="Either the same tokens as the model that answers, or the story with "
        "the question in quotation marks: a form that a base model knows from "
        "its training text.",
    )
    turns = chat_talk.current().turns
    if not turns:
        st.caption("Ask a question: both models will answer.")
        return
    with st.container(height=messages.HEIGHT - 150, key="chat_beside"):
        for number in range(len(turns)):
            show_answer(number, other, story, as_a_story=form == STORY)


def choose(speaker: Speaker) -> Speaker | None:
    """Let the other model be chosen: by default this one's base."""
    known = {entry.id: entry for entry in speakers.others(speaker)}
    if not known:
        st.caption("There is no other model here.")
        return None
    if not speaker.is_tuned and not any(map(speakers.is_tuned, known.values())):
        offer_tuning()
    name = st.selectbox(
        "Beside it",
        list(known),
        key=widget_key(speaker),
        **state.BOUND,
        help="By default, the model that this one was fine-tuned from.",
    )
    return speakers.speaker(known[name])


def widget_key(speaker: Speaker) -> str:
    """Return the name of the widget that chooses who stands beside a model."""
    return f"beside_{speaker.name}"


def offer_tuning() -> None:
    """Say where a fine-tuned model comes from."""
    st.caption(
        "No model here is fine-tuned to answer yet: all of these are base models."
    )
    if (tuning := course.lesson_named("finetuning")) is not None:
        st.page_link(
            tuning.path,
            label="Fine-tune one on the Fine-tuning page",
            icon=":material/arrow_forward:",
        )


def show_answer(
    number: int, other: Speaker, story: Story | None, *, as_a_story: bool
) -> None:
    """Show one question, and the other model's answer to it."""
    talk = chat_talk.current()
    said = talk.turns[number]
    with st.chat_message("user", avatar=messages.USER):
        question = f'"{said.question}" asked the owl. "' if as_a_story else ""
        st.text(question or said.question)
    try:
        answer = chat_talk.answer_beside(talk, number, other, as_a_story=as_a_story)
    except MinigptError as error:  # a smaller window, most likely
        show_problem(str(error))
        return
    with messages.answering(f"beside_{number}"):
        st.text(answer.text or ("…" if not answer.is_done else "(nothing)"))
        if answer.is_done:
            verdict = messages.right_or_wrong(said, story, answer)
            form = "" if said.asking.template or as_a_story else "no template"
            parts = (verdict, plain(other.name), form)
            st.caption(" · ".join(part for part in parts if part))
