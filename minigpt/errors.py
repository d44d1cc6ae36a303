"""The few exceptions a user meets, each one clear line that names its remedy.

Pages and the command line catch exactly `MinigptError` and show its text; anything
else is a bug.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MinigptError(Exception):
    """Something the user can mend. The message says what, and how."""


class ConfigError(MinigptError):
    """A setting is unknown, of the wrong type, or out of range."""


class HookError(MinigptError):
    """A hook matches nothing, was never reached, changed a shape, or would not fit."""


class CheckpointError(MinigptError):
    """A checkpoint directory is incomplete, damaged, or not one of ours."""


class DataError(MinigptError):
    """A text, a token or a file cannot be used as it is."""


class RunError(MinigptError):
    """A training run cannot be found, started, stopped or resumed."""


def near_names(name: str, known: Iterable[str]) -> str:
    """Suggest what `name` may have meant.

    >>> near_names("d_modle", ["d_model", "d_ff"])
    " Did you mean 'd_model'?"

    Args:
        name: What was asked for.
        known: What there is.

    Returns:
        A sentence that starts with a space, or an empty string.
    """
    matches = get_close_matches(name, list(known), n=3, cutoff=0.5)
    if not matches:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?"
