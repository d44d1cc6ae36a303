"""Writing files and directories so that a reader, or a crash, never sees half of one.

Write beside, flush to the disk, rename. A single file is replaced in one system call. A
directory is not, so it takes three:

    name            .name.tmp-1f3a     being filled; a reader sees the old one
    .name.previous  .name.tmp-1f3a     the old one moved aside
    .name.previous  name               the new one in place
                    name               the old one deleted

Between the second line and the third there is no `name`: a reader that misses it looks
for `.name.previous`.
"""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a power cut, finds the old or the new one.

    Args:
        path: The file; its directory exists.
        content: Its new contents; text is encoded as UTF-8.
    """
    with replaced_file(path) as temporary:
        data = content.encode() if isinstance(content, str) else content
        temporary.write_bytes(data)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Let the caller write a temporary file, which then takes the place of `path`.

    Args:
        path: The file to make or replace; its directory exists.

    Yields:
        Where to write. If anything fails, it is removed, and the old file stays.

    Raises:
        IsADirectoryError: If there is a directory.
    """
    if path.is_dir():  # which would be found out after the work
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    temporary = _temporary(path)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replaced_directory(directory: Path) -> Iterator[Path]:
    """Let the caller fill a temporary directory, which then replaces `directory`.

    Args:
        directory: The directory to make or replace.

    Yields:
        Where to write. If anything fails, it is removed, and the old one stays.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    for leftover in directory.parent.glob(f".{directory.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that was killed
    temporary = _temporary(directory)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            _flush_to_disk(file)
        _flush_to_disk(temporary)
        _put_in_place(temporary, directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def forget_leftovers(directory: Path, older_than: float = 0.0) -> None:
    """Delete what killed processes were about to write into a directory.

    Args:
        directory: Where; may be missing.
        older_than: Seconds that nobody has written to it: another process may be at it.
    """
    latest = time.time() - older_than
    for leftover in directory.glob(".*.tmp-*"):
        with suppress(OSError):
            if leftover.lstat().st_mtime > latest:
                continue
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()


def present(directory: Path) -> Path:
    """Return the directory, or its predecessor if a kill left only that."""
    previous = _previous(directory)
    return previous if previous.is_dir() and not directory.exists() else directory


def remove_directory(directory: Path) -> None:
    """Delete a directory; a kill leaves all of it, or none under its name."""
    temporary = _temporary(directory)
    directory.rename(temporary)
    shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, directory: Path) -> None:
    previous = _previous(directory)
    if directory.exists():
        shutil.rmtree(previous, ignore_errors=True)
        directory.rename(previous)
    temporary.rename(directory)
    _flush_to_disk(directory.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that nobody can guess or already uses."""
    return path.with_name(f".{path.name}.tmp-{secrets.token_hex(8)}")


def _previous(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.previous")


def _flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a directory, would survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no directories, and needs none of this
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
