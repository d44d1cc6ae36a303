"""Replacing a directory so that a kill at any moment leaves the old or the new one.

A single file is replaced in one system call. A directory is not, so it takes three:

    name            .name.tmp-1f3a     being filled; a reader sees the old one
    .name.previous  .name.tmp-1f3a     the old one moved aside
    .name.previous  name               the new one in place
                    name               the old one deleted

Between the second line and the third there is no `name`: a reader that misses it looks
for `.name.previous`.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced_directory(directory: Path) -> Iterator[Path]:
    """Fill an empty directory that takes the place of `directory` when all went well.

    Args:
        directory: The directory to make or replace.

    Yields:
        Where to write. If anything fails, it is removed, and the old one stays.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    for leftover in directory.parent.glob(f".{directory.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that was killed
    beside = directory.parent / f".{directory.name}.tmp-{secrets.token_hex(4)}"
    beside.mkdir()
    try:
        yield beside
        for file in beside.iterdir():
            _flush_to_disk(file)
        _flush_to_disk(beside)
        _put_in_place(beside, directory)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def present(directory: Path) -> Path:
    """Return the directory, or its predecessor if a kill left only that."""
    previous = _previous(directory)
    return previous if previous.is_dir() and not directory.exists() else directory


def remove_directory(directory: Path) -> None:
    """Delete a directory; a kill leaves all of it, or none under its name."""
    aside = directory.parent / f".{directory.name}.tmp-{secrets.token_hex(4)}"
    directory.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _put_in_place(beside: Path, directory: Path) -> None:
    previous = _previous(directory)
    if directory.exists():
        shutil.rmtree(previous, ignore_errors=True)
        directory.rename(previous)
    beside.rename(directory)
    _flush_to_disk(directory.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _previous(directory: Path) -> Path:
    return directory.parent / f".{directory.name}.previous"


def _flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a directory, would survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no directories, and needs none of this
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
