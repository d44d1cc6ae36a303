"""Chat: a fine-tuned model answers, and everything it read and wrote can be opened.

Learning goal: a chat model is a text model that has seen a format.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.datasets.tales.story import Story
from minigpt.finetuning.answering import Answer
from minigpt.interpret.reading.answer import rows_that_wrote
from minigpt.tokenizers.chat import encode_chat, encode_prompt_for_answer
from pages.chat import (
    attention,
    beside,
    messages,
    questions,
    reads,
    settings,
    speakers,
    talk,
)
from pages.chat import story as chat_story
from pages.chat import tour as chat_tour
from pages.chat.talk import Asking, Talk
from pages.chat.tour import BESIDE, LOOKS, READS
from pages.frame import lesson, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict

WORDS = """
To the model, a conversation is **one sequence of tokens**. A few of them never occur in
ordinary text: they mark who speaks from there on. Fine-tuning has taught the model what
follows `<assistant>`: an answer, then the end. It is still a text model that predicts
one token after another.

Switch the **template** off: the same weights read the same words, but nothing marks
that an answer should follow. Compare with the **base** model: it gets the marks, but
never learned what they mean. Then click a word of an answer to see **where the model
read it**.
"""


def choose_view() -> str:
    """Let the reader choose what is shown beside the conversation."""
    view: str = st.segmented_control(
        "Beside the conversation",
        [READS, LOOKS, BESIDE],
        default=READS,
        required=True,
        key=chat_tour.VIEW,
        label_visibility="collapsed",
        **state.BOUND,
    )
    return view


def show_view(asking: Asking, story: Story | None, below: DeltaGenerator) -> None:
    """Show one view beside the conversation.

    Args:
        asking: How a question is put now.
        story: What is talked about, if it is a built-in story.
        below: The place under the conversation, for what a view shows besides.
    """
    view = choose_view()
    if view == LOOKS:
        attention.show(asking, story, below)
    elif view == BESIDE:
        beside.show(asking.speaker, story)
    else:
        reads.show(asking, story)


def show_workbench(
    asking: Asking, story: Story | None, shown: Talk, live: bool
) -> None:
    """Write for a moment; show the conversation, and a view beside it.

    Args:
        asking: How a question is put now.
        story: What is talked about, if it is a built-in story.
        shown: The conversation that the rest of the page was drawn for. Where a click
            in here begins another (its story, its questions), the whole page runs
            anew: a fragment's own run would leave the rest as it was.
        live: Whether this runs again by itself. An answer that begins or ends changes
            that: the page runs anew.
    """
    if talk.current() is not shown:
        st.rerun()
    talk.advance()
    if live == (not talk.under_way()):
        st.rerun()  # before anything is drawn in vain
    left, right = st.columns(2, gap="medium")
    with left:
        with guard():
            messages.show(story, asking)
        below = st.container()
    with right, st.container(key=chat_tour.SIDE), guard():
        show_view(asking, story, below)
    if live == (not talk.under_way()):
        st.rerun()


tour_button = lesson.open(
    "Chat", "A chat model is a text model that has learned a **format**."
)
with guard():
    above = st.container()
    who, meter, form = st.columns([3, 3, 4], vertical_alignment="bottom")
    with who:
        speaker = speakers.choose()
    story = chat_story.prepare(speaker)
    with form, st.container(horizontal=True, vertical_alignment="center"):
        asking = settings.choose(speaker)
    with meter:
        settings.show_meter(asking)
    speakers.say_what_it_is(speaker)
    messages.ask_again_if_wanted(asking)
    if chat_tour.may_be_shown(asking, story):
        tour.offer(tour_button, lambda: chat_tour.stops(asking, story))
    with above:
        may_show = predict(questions.without_template(asking, story))
    if may_show:
        live = bool(talk.under_way())
        st.fragment(show_workbench, run_every=talk.MOMENT if live else None)(
            asking, story, talk.current(), live
        )
        lesson.explain(
            WORDS, encode_chat, encode_prompt_for_answer, Answer, rows_that_wrote
        )
        check(questions.checks(asking, story))
    else:
        chat_story.show_field(story)
