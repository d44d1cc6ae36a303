"""A learner's part in a study: what it covers, and what it leaves open.

Noted once a run in the session, so that the rest of the app need not ask the class.
"""

from datetime import datetime
from typing import Final, NamedTuple

import streamlit as st

from minigpt.classroom.study.design import Arm
from minigpt.classroom.study.participants import Stage, part_of, stage_of
from pages.frame import covering
from pages.frame.room import seats

PAGE: Final = "pages/study/study.py"
NAME: Final = "study"
"""The page's name in the URL."""
_PART = "_study_part"


class Part(NamedTuple):
    """A learner's part in a study, as far as they are."""

    stage: Stage
    arm: Arm
    lesson: str
    """By its name in the URL."""

    @property
    def is_under_way(self) -> bool:
        """Whether there is something to do now."""
        return self.stage not in ("wait", "done")

    def may_open(self, page: str) -> bool:
        """Whether a page is open now: in a test, only the test is."""
        is_lesson = self.stage == "lesson" and page == self.lesson
        return not self.is_under_way or page == NAME or is_lesson


def note() -> None:
    """Note this session's part. Call it once a run, before any page."""
    found = seats.learner()
    part = None
    if found is not None and (known := part_of(*found)) is not None:
        study, who = known
        part = Part(stage_of(found[0], study, who), who.arm, study.lesson)
    st.session_state[_PART] = part
    is_in_study = part is not None and part.is_under_way
    covering.set_by_study((part.arm == "locked") if part and is_in_study else None)


def now() -> Part | None:
    """Return this session's part; None if it has none."""
    found: Part | None = st.session_state.get(_PART)
    return found


def day_of(moment: float) -> str:
    """Return the day of a moment, in Unix seconds, where the class is.

    >>> day_of(1e9)
    'Sunday, 9 September 2001'
    """
    day = datetime.fromtimestamp(moment).astimezone()
    return f"{day:%A}, {day.day} {day:%B %Y}"


def point_back(page: str) -> None:
    """Say on the study's lesson how it goes on, and on other pages why they wait."""
    found = now()
    if found is None or not found.is_under_way or page == NAME:
        return
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="study_note"
    ):
        is_lesson = found.stage == "lesson" and page == found.lesson
        st.markdown(
            "This lesson is part of a study. When you have finished it, go on:"
            if is_lesson
            else "You are in a study. This page opens when you have finished it.",
            width="stretch",
        )
        label = "To the test" if is_lesson else "Go on with the study"
        st.page_link(PAGE, label=label, icon=":material/arrow_forward:")
