"""A learner's answers in a Check, counted on the teacher's board."""

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from minigpt.classroom import tries
from minigpt.classroom.tries import Try
from minigpt.errors import RoomError
from pages.frame import course
from pages.frame.progress import Answer
from pages.frame.room import seats

if TYPE_CHECKING:
    from pages.frame.questions import Question


def note(question: "Question", given: Answer) -> None:
    """Note an answer to a lesson's own question; warm-ups and reviews ask others'."""
    found = seats.learner()
    page = st.session_state.get("_page") or course.HOME.name
    if found is None or given.said is None or not question.id.startswith(f"{page}."):
        return
    room, member = found
    tried = Try(question.id, given.question, given.said, given.answer, given.right)
    with suppress(RoomError):  # a full disk: the lesson goes on nevertheless
        tries.note(room, member, tried)
