"""How far a learner is: which lessons were opened, and what was answered when.

The first answer to a question is kept for good, with its time. A second chance is
another item of the same kind, and its answer is kept beside the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field

from pages.frame import course

MOST_KEPT = 8
"""Answers kept of one question: the first, and the latest others."""

REVIEWS_AFTER = (timedelta(days=1), timedelta(days=7))
"""When a lesson is asked about again, after its first answer."""


class Answer(BaseModel):
    """One answer to one item of a question, as plain text that can be shown later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str = Field(pattern=r"^[0-9a-f]{12}$")
    """Tells the item from others of its kind."""
    question: str = Field(max_length=2000)
    said: str | None = Field(max_length=500)
    """What the learner chose; None where they asked to be shown."""
    answer: str = Field(max_length=500)
    why: str = Field(max_length=2000)
    right: bool
    is_prediction: bool
    at: datetime


Answers = dict[str, list[Answer]]
"""The answers to each question of a lesson, the first one first; none yet: `[]`."""


@dataclass
class CourseProgress:
    """What was opened, answered and reviewed."""

    lessons: dict[str, Answers] = field(default_factory=dict)
    """Answers by lesson and question."""
    here: str | None = None
    """The lesson opened last."""
    place: dict[str, str] = field(default_factory=dict)
    """The parameters of its address: model, prompt, layer …"""
    reviews: dict[str, list[datetime]] = field(default_factory=dict)
    """When each lesson was reviewed."""

    def right(self, name: str) -> int:
        """Return how many of a lesson's questions were right once."""
        return sum(map(_was_right, self._own(name).values()))

    def asked(self, name: str) -> int:
        """Return how many questions a lesson has asked so far."""
        return len(self._own(name))

    def _own(self, name: str) -> Answers:
        """Return a lesson's own questions, without warm-ups and reviews of others."""
        asked = self.lessons.get(name, {})
        return {key: asked[key] for key in asked if key.startswith(f"{name}.")}

    def is_done(self, name: str) -> bool:
        """Whether every prediction was made and every other question right once."""
        return name in self.lessons and all(
            answers and (answers[0].is_prediction or _was_right(answers))
            for answers in self._own(name).values()
        )

    def next_lesson(self) -> course.Lesson | None:
        """Return where to go on: the lesson left unfinished, or the next such one."""
        names = [lesson.name for lesson in course.LESSONS]
        here = names.index(self.here) if self.here in names else 0
        in_order = [*course.LESSONS[here:], *course.LESSONS[:here]]
        return next((each for each in in_order if not self.is_done(each.name)), None)

    def due(self, now: datetime) -> list[course.Lesson]:
        """Return the lessons whose review is due: one and seven days after."""
        return [each for each in course.LESSONS if self._is_due(each.name, now)]

    def _is_due(self, name: str, now: datetime) -> bool:
        times = [
            answer.at
            for answers in self._own(name).values()
            for answer in answers
            if not answer.is_prediction
        ]
        done = len(self.reviews.get(name, []))
        if not times or done >= len(REVIEWS_AFTER):
            return False
        return now >= min(times) + REVIEWS_AFTER[done]

    def take_over(self, other: "CourseProgress") -> None:
        """Add what another record of the same learner knows; earlier answers lead."""
        for name, questions in other.lessons.items():
            own = self.lessons.setdefault(name, {})
            for question, answers in questions.items():
                own[question] = _united(own.get(question, []), answers)
        for name, times in other.reviews.items():
            self.reviews[name] = sorted({*self.reviews.get(name, []), *times})
        if self.here is None:
            self.here, self.place = other.here, other.place


def _was_right(answers: Sequence[Answer]) -> bool:
    return any(answer.right for answer in answers)


def _united(some: Sequence[Answer], others: Sequence[Answer]) -> list[Answer]:
    earliest: dict[str, Answer] = {}
    for answer in sorted([*some, *others], key=lambda answer: answer.at):
        earliest.setdefault(answer.item, answer)
    found = list(earliest.values())
    return [*found[:1], *found[1:][-(MOST_KEPT - 1) :]]


def of_session() -> CourseProgress:
    """Return this session's progress."""
    found: CourseProgress = st.session_state.setdefault("_progress", CourseProgress())
    return found


def visit(name: str) -> None:
    """Remember that a page was opened. Called once a run, by `app.py`."""
    if course.lesson_named(name) is not None:
        found = of_session()
        found.here = name
        found.place = {key: st.query_params[key] for key in st.query_params}
        found.lessons.setdefault(name, {})


def ask(question: str) -> list[Answer]:
    """Remember that this page asks a question; return the answers so far."""
    return of_session().lessons.setdefault(_page(), {}).setdefault(question, [])


def answer(question: str, given: Answer) -> None:
    """Keep an answer; the first one stays, and an item answered once stays so."""
    lesson = of_session().lessons.setdefault(_page(), {})
    lesson[question] = _united(lesson.get(question, []), [given])


def review(name: str) -> None:
    """Remember that a lesson was reviewed just now."""
    of_session().reviews.setdefault(name, []).append(now())


def now() -> datetime:
    """Return the time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def start_over() -> None:
    """Forget everything, and what is chosen on this page. Call this from a callback."""
    st.session_state["_progress"] = CourseProgress()
    for key in list(st.session_state):
        if str(key).startswith("_answer_"):
            st.session_state[key] = None


def _page() -> str:
    return st.session_state.get("_page") or course.HOME.name
