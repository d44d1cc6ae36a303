"""Progress as JSON: a file to take along, and what the browser keeps.

Both come from outside: nothing missing, nothing more, and no value that only looks
right. What a file says is shown as plain text.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from minigpt.errors import DataError, first_complaint, near_names
from pages.frame import course
from pages.frame.progress import MOST_KEPT, Answer, CourseProgress

LARGEST_FILE = 1_000_000
"""Bytes: a whole course, answered twice, writes about sixty thousand."""

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.\-]{1,80}$")]
_Parameter = Annotated[str, StringConstraints(max_length=4000)]
_Answers = Annotated[list[Answer], Field(max_length=MOST_KEPT)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    minigpt_progress: Literal[2]
    here: _Name | None
    place: Annotated[dict[_Name, _Parameter], Field(max_length=40)]
    lessons: dict[_Name, dict[_Name, _Answers]]
    reviews: dict[_Name, Annotated[list[datetime], Field(max_length=20)]]


def to_json(progress: CourseProgress) -> str:
    """Write progress as a file to take along."""
    file = _File(
        minigpt_progress=2,
        here=progress.here,
        place=progress.place,
        lessons=progress.lessons,
        reviews=progress.reviews,
    )
    return file.model_dump_json()


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
        raise DataError(
            f"This is not saved progress: {first_complaint(error)}. Choose the JSON "
            "file that “Download” on Home wrote."
        ) from error
    for named in (file.lessons, file.reviews):
        _require_lessons(named)
    return CourseProgress(file.lessons, file.here, file.place, file.reviews)


def _require_lessons(lessons: Mapping[str, object]) -> None:
    known = {page.name: page for page in course.PAGES}
    for name in lessons:
        if name not in known:
            raise DataError(
                f"The file names a lesson {name!r}, and there is no such lesson."
                f"{near_names(name, known)}"
            )
