"""Notes on a model: names of heads, remarks, pins and bookmarks, as one small file.

They lie beside the model, in `notes.json`, and travel with it; those on a model that
ships lie in the user's data folder, since its own may be read-only. Every change reads
the file again under a lock, so that two readers of one server lose nothing. A file
that cannot be read is moved aside before another takes its place.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from minigpt.atomic_writes import replace_file
from minigpt.errors import DataError, first_complaint
from minigpt.library.catalogue import ModelEntry
from minigpt.library.inventory import Facts
from minigpt.places import data_directory, shipped_models
from minigpt.regular_files import read_regular
from minigpt.runs.lock import held

NOTES_FILE: Final = "notes.json"
MOST_BYTES: Final = 2**18
"""The largest file of notes, in bytes."""
LONGEST_NAME, LONGEST_NOTE, LONGEST_LINK = 40, 2000, 4000
"""Characters of a head's or a view's name, of a remark, of a view's address."""
MOST_HEADS, MOST_VIEWS = 1000, 100

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
"""Marks that turn the direction of writing, and so what stands beside them."""

_KEPT = "\n\u200c\u200d"
"""A new line, and the two that join letters and emoji."""


def _without_controls(text: str) -> str:
    text = _TURNING.sub("", text.replace("\t", " "))
    return "".join(each for each in text if each.isprintable() or each in _KEPT)


def _one_line(text: str) -> str:
    return " ".join(_without_controls(text.replace("\n", " ")).split())


_Name = Annotated[
    str, StringConstraints(max_length=LONGEST_NAME), AfterValidator(_one_line)
]
_Text = Annotated[
    str,
    StringConstraints(max_length=LONGEST_NOTE),
    AfterValidator(_without_controls),
]


@dataclass(frozen=True)
class HeadNote:
    """What a reader wrote about one head."""

    name: str = ""
    """What they call it, in one line."""
    text: str = ""
    pinned: bool = False
    """Whether the Head explorer opens with it pinned."""


@dataclass(frozen=True)
class View:
    """A bookmark: a page of the app with all that was chosen on it."""

    title: str
    page: str
    """The page's name in the address: `head_explorer`."""
    query: str
    """What follows the `?`: `model=tales&layer=1`."""


@dataclass(frozen=True)
class Notes:
    """All notes on one model."""

    heads: Mapping[tuple[int, int], HeadNote] = field(default_factory=dict)
    """By layer and head."""
    views: tuple[View, ...] = ()

    def with_head(self, place: tuple[int, int], note: HeadNote) -> "Notes":
        """Return them with another note on a head; an empty one takes it away."""
        heads = {**self.heads, place: note}
        if note == HeadNote():
            del heads[place]
        return replace(self, heads=heads)

    def with_view(self, view: View) -> "Notes":
        """Return them with one more bookmark, in the place of one of the same title."""
        others = [each for each in self.views if each.title != view.title]
        return replace(self, views=(*others, view))

    def without_view(self, title: str) -> "Notes":
        """Return them without the bookmark of a title."""
        kept = tuple(each for each in self.views if each.title != title)
        return replace(self, views=kept)

    def joined(self, others: "Notes") -> "Notes":
        """Return them with others added; where both speak of one thing, the others."""
        found = replace(self, heads={**self.heads, **others.heads})
        for view in others.views:
            found = found.with_view(view)
        return found


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: _Name = ""
    text: _Text = ""
    pinned: bool = False


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[_Name, Field(min_length=1)]
    page: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    # Nothing of it can leave the app: a path, a host and a script all need others.
    query: Annotated[
        str,
        StringConstraints(max_length=LONGEST_LINK, pattern=r"^[A-Za-z0-9_.~%+&=,*-]*$"),
    ]


_Place = Annotated[str, StringConstraints(pattern=r"^L\d{1,4}H\d{1,4}$")]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    minigpt_notes: Literal[1] = 1
    heads: Annotated[dict[_Place, _Head], Field(max_length=MOST_HEADS)] = {}
    views: Annotated[list[_View], Field(max_length=MOST_VIEWS)] = []


def notes_path(entry: ModelEntry | Facts) -> Path:
    """Return where the notes on a model are kept, whether or not there are any."""
    shipped = shipped_models()
    root = shipped / entry.id if shipped is not None else None
    if root is not None and entry.path.resolve().is_relative_to(root.resolve()):
        return data_directory() / "notes" / f"{entry.id}.json"
    kind = "runs" if entry.kind == "run" else "models"
    return data_directory() / kind / entry.id / NOTES_FILE


def read_notes(path: Path) -> Notes:
    """Read the notes in a file; none, if there is no file.

    Raises:
        DataError: If the file cannot be read; it stays as it is.
    """
    try:
        text = read_regular(path, MOST_BYTES)
    except FileNotFoundError:
        return Notes()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The notes in {path} cannot be read: {error}.") from None
    return parse_notes(text, str(path))


def parse_notes(text: str, name: str) -> Notes:
    """Read notes that `write_down` wrote.

    Args:
        text: The file's contents.
        name: What the file is called.

    Raises:
        DataError: If they are anything else; the message says what and where.
    """
    try:
        file = _File.model_validate_json(text)
    except ValidationError as error:
        wrong = first_complaint(error)
        raise DataError(f"{name:.120} holds no notes on a model: {wrong}.") from None
    heads = {
        _place(key): HeadNote(**head.model_dump()) for key, head in file.heads.items()
    }
    return Notes(heads, tuple(View(**view.model_dump()) for view in file.views))


def write_down(notes: Notes) -> str:
    """Write notes as the text of a file.

    Raises:
        DataError: If something in them is too long, or they are too many.
    """
    whole: dict[str, Any] = {
        "heads": {
            f"L{i}H{j}": vars(head) for (i, j), head in sorted(notes.heads.items())
        },
        "views": [vars(view) for view in notes.views],
    }
    try:
        text = _File.model_validate(whole).model_dump_json(indent=2) + "\n"
    except ValidationError as error:
        wrong = first_complaint(error)
        raise DataError(f"This note cannot be kept: {wrong}.") from None
    if len(text.encode()) > MOST_BYTES:
        raise DataError(
            f"These notes have {len(text.encode()):,} bytes, and {MOST_BYTES:,} is the "
            "most that is kept with a model: shorten some, or delete bookmarks."
        )
    return text


def change_notes(path: Path, change: Callable[[Notes], Notes]) -> Notes:
    """Change the notes in a file, as they are at this moment.

    A file that holds something else is kept beside it, as `notes.damaged-….json`.

    Args:
        path: From `notes_path`.
        change: Takes the notes that are there, and returns those to keep.

    Returns:
        What was kept.

    Raises:
        DataError: If they are too large, or cannot be written.
    """
    try:
        if (
            path.name != NOTES_FILE
        ):  # else a model's folder, which may be deleted by now
            path.parent.mkdir(parents=True, exist_ok=True)
        with held(path.with_name(f".{path.name}.lock")):
            try:
                before = read_notes(path)
            except DataError:
                aside = f"{path.stem}.damaged-{secrets.token_hex(4)}.json"
                path.rename(path.with_name(aside))
                before = Notes()
            after = change(before)
            text = write_down(after)
            replace_file(path, text)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"The notes cannot be kept in {path}: {reason}.") from None
    return parse_notes(text, str(path))


def _place(key: str) -> tuple[int, int]:
    layer, head = key.removeprefix("L").split("H")
    return int(layer), int(head)
