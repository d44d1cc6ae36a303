"""The exceptions meant for users, each with a one-line message that names the remedy.

Pages and the command line catch exactly `MinigptError` and show its text; any other
exception is a bug.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class MinigptError(Exception):
    """An error that the user can fix. The message says what is wrong and how."""


class ConfigError(MinigptError):
    """A setting is unknown, of the wrong type, or out of range."""


class HookError(MinigptError):
    """A hook matches nothing, is never reached, changes a shape, or does not fit."""


class CheckpointError(MinigptError):
    """A checkpoint directory is incomplete, damaged, or of another program."""


class DataError(MinigptError):
    """A text, a token or a file cannot be used."""


class RunError(MinigptError):
    """A training run cannot be found, started, stopped or resumed."""


class RoomError(MinigptError):
    """A class does not allow it: a name, a link, a page, or more than one's share."""


def near_names(name: str, known: Iterable[str]) -> str:
    """Suggest known names similar to `name`.

    >>> near_names("d_modle", ["d_model", "d_ff"])
    " Did you mean 'd_model'?"

    Args:
        name: The unknown name.
        known: The existing names.

    Returns:
        A sentence that starts with a space, or an empty string.
    """
    matches = get_close_matches(name, list(known), n=3, cutoff=0.5)
    if not matches:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?"


def first_complaint(error: "ValidationError") -> str:
    """Say what is wrong first in a file, and where: `here: Field required`."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where:.80}: {first['msg']:.120}"
