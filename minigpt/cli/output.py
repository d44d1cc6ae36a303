"""What the command line prints: results on stdout, remarks and errors on stderr."""

import re
import sys
import tempfile
import traceback
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and what turns the direction of a line."""


def visible(text: str) -> str:
    r"""Spell out control characters, which a terminal would obey.

    A model, a file's name or an error that quotes either may hold them, to clear the
    screen, to retitle the window, to hide what was printed before, or to turn the
    letters of a line around.

    >>> visible("a\x1b[2Jb\u202ec")
    'a\\x1b[2Jb\\u202ec'

    Args:
        text: What is to be printed.
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def say(text: str = "", end: str = "\n") -> None:
    """Print a result; into a file or a pipe, exactly as it is."""
    sys.stdout.write((visible(text) if sys.stdout.isatty() else text) + end)
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a remark on stderr, so that results can be piped without it."""
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def complain(text: str) -> None:
    """Print an error as one line."""
    note("minigpt: " + " ".join(text.split()))


def save_traceback() -> Path:
    """Write the traceback being handled to a new file, and return its path."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="minigpt-error-", suffix=".txt", delete=False
    ) as file:
        file.write(traceback.format_exc())
    return Path(file.name)
