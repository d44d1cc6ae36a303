"""What the command line prints: results on stdout, remarks and errors on stderr."""

import sys
import tempfile
import traceback
from pathlib import Path


def say(text: str = "", end: str = "\n") -> None:
    """Print a result."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a remark on stderr, so that results can be piped without it."""
    sys.stderr.write(text + "\n")
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
