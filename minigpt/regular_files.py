"""Opening a file that somebody else named, without waiting for what is no file.

A path may lead to a FIFO, a device, a socket or a directory. Reading a FIFO waits until
somebody writes, for ever, and reading a device may never end. `open` waits already.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from minigpt import spaces


class NotRegularError(OSError):
    """A path leads to something that is not a regular file."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, if it is a regular one.

    Args:
        path: The file; a link to one will do.

    Raises:
        NotRegularError: If it is a FIFO, a device or a socket.
        IsADirectoryError: If it is a directory.
        PermissionError: If it lies outside the space of a learner who asks.
        OSError: If it does not exist or may not be read.
    """
    require_regular(path)
    # It may have become another since it was looked at: open it without waiting.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise _not_regular(path)
    return file


_BINARY = getattr(os, "O_BINARY", 0)


def require_regular(path: Path) -> None:
    """Check that a path leads to a regular file. Arguments, errors: `open_regular`."""
    if not spaces.may_open(path):
        raise PermissionError(errno.EACCES, "it is not in your space", str(path))
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if not stat.S_ISREG(mode):
        raise _not_regular(path)


def read_regular(path: Path, most: int = 2**28) -> str:
    """Read a file of UTF-8 text as a whole, if it is a regular one and not too large.

    Args:
        path: The file.
        most: The largest size, in bytes.

    Raises:
        OSError: As `open_regular`; or if it is larger.
        UnicodeDecodeError: If it is not UTF-8.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        words = f"it has more than {most:,} bytes"
        raise OSError(errno.EFBIG, words, str(path))
    return content.decode("utf-8")


def expanded(name: str | Path) -> Path:
    """Return a path with the home that its ~ means; as it is, if that is nobody's."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def named_directory(name: str | Path) -> Path | None:
    """Return the directory that somebody named; None if there is none.

    Not even for a name that no file can have: of 5,000 characters, with a zero byte, or
    in the home of a user who does not exist.
    """
    try:
        path = expanded(name)
        return path if str(name) and path.is_dir() else None
    except (OSError, ValueError):
        return None


def is_regular(path: Path) -> bool:
    """Whether a path leads to a regular file; False for a name that none can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _not_regular(path: Path) -> NotRegularError:
    words = "it is a pipe, a device or a socket, and not a file"
    return NotRegularError(errno.EINVAL, words, str(path))
