"""A lesson's Predict, asked of the whole class: offered, under way, and answered."""

from typing import TYPE_CHECKING

import streamlit as st

from minigpt.classroom import votes
from minigpt.classroom.room import Room
from minigpt.classroom.votes import Asked, Vote
from pages.frame import covering
from pages.frame.progress import Answer
from pages.frame.room import leading, seats
from pages.frame.words import bare

if TYPE_CHECKING:
    from pages.frame.questions import Question


def offer(question: "Question") -> None:
    """Show the teacher the button that asks the class."""
    room = seats.teacher()
    if room is not None:
        st.button(
            "Ask the class",
            key="_ask_class",
            icon=":material/groups:",
            on_click=_ask,
            args=(room, question),
            help="Every learner’s screen comes to this page and asks. You see how many "
            "have answered, then what they said, and reveal the answer.",
        )


def is_under_way(question: "Question") -> bool:
    """Whether the class is asked this now; then the page says so in place of it."""
    vote = _current(question)
    if vote is None or not vote.is_open:
        return False
    with st.container(border=True, key=f"predict_{question.fingerprint}"):
        st.markdown(f"**Predict.** {question.text}")
        st.caption("The whole class is asked: see the top of this page.")
    covering.card("when the answer is revealed")
    return True


def outcome(question: "Question") -> Answer | None:
    """Return what was answered once it is revealed: the class's answer, or one's own.

    The class's is what most have said; without any, the answer is just shown.
    """
    vote, room, here = _current(question), seats.room(), seats.seat()
    if vote is None or vote.is_open or room is None or here is None:
        return None
    if here.member is not None:
        own = votes.answers_of(room, vote, here.member)
        return question.answered(own.get(1), is_prediction=True)
    counts = votes.tally(room, vote)[-1]
    chosen = votes.chosen_most(counts)
    given = question.answered(chosen, is_prediction=True)
    if chosen is None:
        return given
    told = f"{given.said} ({counts[chosen]} of {sum(counts)} learners)"
    return given.model_copy(update={"said": told})


def _current(question: "Question") -> Vote | None:
    room = seats.room()
    vote = None if room is None else votes.current(room)
    is_this = vote is not None and vote.asked.item == question.fingerprint
    return vote if is_this else None


def _ask(room: Room, question: "Question") -> None:
    asked = Asked(
        question.fingerprint,
        bare(question.text),
        tuple(question.shown),
        question.answer,
        bare(question.why),
    )
    votes.ask(room, str(st.session_state.get("_page", "")), asked)
    leading.ask(at_once=True)
