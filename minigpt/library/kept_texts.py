"""Texts that people bring, kept as plain UTF-8 in `data/texts/` for every later run.

A book in Word, a page of the web or a data set becomes a plain text once, and a run
reads that: it can be resumed when the original is gone, and what the model learned from
can be looked at.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from minigpt.atomic_writes import forget_leftovers, replace_file
from minigpt.classroom.quotas import require_bytes
from minigpt.config import DataConfig
from minigpt.config.training import BUILT_IN
from minigpt.datasets.corpus import LARGE, read_text
from minigpt.datasets.files.text_file import TextFile
from minigpt.datasets.forms.decoding import LARGEST
from minigpt.datasets.forms.plain_text import PlainText, is_plain, plain_text
from minigpt.errors import DataError
from minigpt.places import data_directory

Reader = Callable[[bytes, str], PlainText]

_LONG = 3600.0
"""Seconds after which nobody is still writing a text."""


class BroughtText(NamedTuple):
    """A text that a run can learn from."""

    path: Path
    remark: str = ""
    """What it was and what was assumed; empty of a UTF-8 text."""
    separator: str | None = None
    """What stands between two of its documents (none: it is one)."""


def bring_text(contents: bytes, name: str, read: Reader = plain_text) -> BroughtText:
    """Keep a text of any form that is known.

    Args:
        contents: A file, as uploaded or typed.
        name: What it is called.
        read: `plain_text`, or one that remembers.

    Raises:
        DataError: If it is empty, is no text, or cannot be written.
    """
    if not contents:
        raise DataError(f"{name} is empty: give a file with some text in it.")
    found = read(contents, name)
    if found.remark:
        contents = found.text.encode()
    path = keep_text(contents, name)
    return BroughtText(path, found.remark, found.separator)


def as_plain_text(
    data: DataConfig, read: Reader = plain_text
) -> tuple[DataConfig, str]:
    """Replace a text that is no plain UTF-8 by a copy that is.

    A plain text stays where it lies, and so does one too large for memory, unless its
    first bytes show that it is something else.

    Args:
        data: Says which text.
        read: `plain_text`, or one that remembers.

    Returns:
        The data to learn from, and a line that says what was assumed, or "".

    Raises:
        DataError: If there is no such file, or it is no text.
    """
    if data.source in BUILT_IN:
        return data, ""
    file = TextFile(data.source)
    if file.num_bytes > LARGE and _begins_as_text(file):
        return data, ""
    found = read(file.contents(LARGEST), data.source)
    if not found.remark:
        return data, ""
    path = keep_text(found.text.encode(), Path(data.source).name)
    separator = data.document_separator or found.separator
    remark = f"{Path(data.source).name}: {found.remark}; kept as {path}."
    return data.replace(source=str(path), document_separator=separator), remark


def keep_text(contents: bytes, name: str) -> Path:
    """Keep a text under its name and a hash of its contents, and return its path.

    Args:
        contents: UTF-8 text.
        name: What the reader calls it.

    Raises:
        DataError: If it is empty, is not text, or cannot be written.
        RoomError: If it is more than a learner of a class may keep.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower()).strip("-") or "text"
    folder = data_directory() / "texts"
    path = folder / f"{stem[:24]}-{sha256(contents).hexdigest()[:8]}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        forget_leftovers(folder, older_than=_LONG)
        if not path.exists() or path.read_bytes() != contents:  # cut off, or edited
            require_bytes(len(contents))
            replace_file(path, contents)
    except OSError as error:
        raise DataError(f"Cannot keep the text in {folder}: {error}.") from None
    try:
        read_text(path)
    except DataError:
        path.unlink(missing_ok=True)
        raise
    return path


def _begins_as_text(file: TextFile) -> bool:
    try:
        beginning = next(file.blocks())
    except DataError:
        return False
    return is_plain(beginning)
