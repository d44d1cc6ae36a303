"""Texts that readers bring: kept in `data/texts/`, so that a run can be resumed."""

import re
from hashlib import sha256
from pathlib import Path

from minigpt.atomic_writes import forget_leftovers, replace_file
from minigpt.config import DataConfig
from minigpt.datasets.corpus import is_large, read_text
from minigpt.datasets.files.text_file import TextFile
from minigpt.errors import DataError
from minigpt.places import data_directory

_LONG = 3600.0
"""Seconds after which nobody is still writing a text."""


def keep(contents: bytes, name: str) -> Path:
    """Keep a text under its name and a hash of its contents, and return its path.

    Args:
        contents: UTF-8 text, as uploaded or typed.
        name: What the reader calls it.

    Raises:
        DataError: If it is empty, is not text, or cannot be written.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower()).strip("-") or "text"
    folder = data_directory() / "texts"
    path = folder / f"{stem[:24]}-{sha256(contents).hexdigest()[:8]}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        forget_leftovers(folder, older_than=_LONG)
        if not path.exists() or path.read_bytes() != contents:  # cut off, or edited
            replace_file(path, contents)
    except OSError as error:
        raise DataError(f"Cannot keep the text in {folder}: {error}.") from None
    try:
        read_text(path)
    except DataError:
        path.unlink(missing_ok=True)
        raise
    return path


def existing(path: str) -> Path:
    """Return the path of a text on this machine, once it is known to be one.

    Of a large one only the beginning is read here, the rest when a run begins.

    Raises:
        DataError: If there is no such file, or it is not text.
    """
    if is_large(DataConfig(source=path)):
        next(TextFile(path).blocks())
    else:
        read_text(path)
    return Path(path).resolve()
