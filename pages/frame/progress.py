"""How far a reader is: kept in the browser's session, and in a file to take along.

A lesson is known once it was opened; under it stand its questions, each one right once
(true), answered but never right (false), or only asked (null).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import streamlit as st
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from minigpt.errors import DataError, near_names
from pages.frame import course

LARGEST_FILE = 64_000
"""Bytes: a course of a dozen lessons writes about three thousand."""


@dataclass
class CourseProgress:
    """What was opened and answered."""

    lessons: dict[str, dict[str, bool | None]] = field(default_factory=dict)
    """Questions by lesson: right once, answered, or only asked."""
    here: str | None = None
    """The lesson opened last."""

    def right(self, name: str) -> int:
        """Return how many of a lesson's questions were right once."""
        return sum(answer is True for answer in self.lessons.get(name, {}).values())

    def asked(self, name: str) -> int:
        """Return how many questions a lesson has asked so far."""
        return len(self.lessons.get(name, {}))

    def is_done(self, name: str) -> bool:
        """Whether a lesson was opened and every question it asked was right once."""
        return name in self.lessons and self.right(name) == self.asked(name)

    def next_lesson(self) -> course.Lesson | None:
        """Return where to go on: the lesson left unfinished, or the next such one."""
        names = [lesson.name for lesson in course.LESSONS]
        here = names.index(self.here) if self.here in names else 0
        in_order = [*course.LESSONS[here:], *course.LESSONS[:here]]
        return next((each for each in in_order if not self.is_done(each.name)), None)


def of_session() -> CourseProgress:
    """Return this session's progress."""
    found: CourseProgress = st.session_state.setdefault("_progress", CourseProgress())
    return found


def visit(name: str) -> None:
    """Remember that a page was opened. Called once a run, by `app.py`."""
    if course.lesson_named(name) is not None:
        found = of_session()
        found.here = name
        found.lessons.setdefault(name, {})


def ask(question: str) -> None:
    """Remember that this page asks a question."""
    _answers().setdefault(question, None)


def answer(question: str, right: bool) -> None:
    """Remember an answer; an answer that was right once stays right."""
    answers = _answers()
    answers[question] = answers.get(question) or right


def start_over() -> None:
    """Forget everything, and what is chosen on this page. Call this from a callback."""
    st.session_state["_progress"] = CourseProgress()
    for key in list(st.session_state):
        if str(key).startswith("_answer_"):
            st.session_state[key] = None


def _answers() -> dict[str, bool | None]:
    name = st.session_state.get("_page") or course.HOME.name
    return of_session().lessons.setdefault(name, {})


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.\-]{1,80}$")]


class _File(BaseModel):
    """The file: nothing missing, nothing more, and no value that only looks right."""

    model_config = ConfigDict(extra="forbid", strict=True)

    minigpt_progress: Literal[1]
    here: _Name | None
    lessons: dict[_Name, dict[_Name, bool | None]]


def to_json(progress: CourseProgress) -> str:
    """Write progress as a file to take along."""
    file = _File(minigpt_progress=1, here=progress.here, lessons=progress.lessons)
    return file.model_dump_json(indent=2)


def from_json(content: bytes) -> CourseProgress:
    """Read a file that `to_json` wrote.

    Raises:
        DataError: If it is anything else; the text says what and where.
    """
    if len(content) > LARGEST_FILE:
        raise DataError(
            f"This file has {len(content)} bytes; a progress file has at most "
            f"{LARGEST_FILE}."
        )
    try:
        file = _File.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(
            f"This is not saved progress: {where}: {first['msg']}. Choose the JSON "
            "file that “Download” on Home wrote."
        ) from error
    _require_lessons(file.lessons)
    return CourseProgress(file.lessons, file.here)


def _require_lessons(lessons: Mapping[str, object]) -> None:
    known = {page.name: page for page in course.PAGES}
    for name in lessons:
        if name not in known:
            raise DataError(
                f"The file names a lesson {name!r}, and there is no such lesson."
                f"{near_names(name, known)}"
            )
