"""The line of `minigpt` that made a value: the one that calls its hook."""

import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType

from torch import nn

_PACKAGE = Path(__file__).parents[3]

AROUND = 6
"""Lines of the function shown before the one that counts; half as many after."""


@dataclass(frozen=True)
class SourceLine:
    """Where in the source a value is made."""

    path: str
    """Beginning with the package: `minigpt/model/attention.py`."""
    line: int
    """Counted from 1, as editors do."""
    function: str
    """`MultiHeadAttention.attend`."""
    excerpt: str
    """Lines of that function around the line."""
    first_line: int
    """The number of the excerpt's first line."""


def find_line(module: nn.Module, wanted: str) -> SourceLine:
    """Find the line of a module's methods that contains some text.

    Args:
        module: Whose class is searched; a subclass's method hides its parent's.
        wanted: `self.hook_pattern(`.

    Raises:
        LookupError: If no method contains it, which is a mistake in a rule.
    """
    # mypy asks whether objects of the class have a hash, not the class.
    return _find(type(module), wanted)  # type: ignore[arg-type]


@cache
def _find(kind: type, wanted: str) -> SourceLine:
    for _, method in inspect.getmembers(kind, inspect.isfunction):
        function = inspect.unwrap(method)
        if not function.__module__.startswith("minigpt."):
            continue
        lines, start = inspect.getsourcelines(function)
        for place, line in enumerate(lines):
            if wanted in line:
                return _around(function, lines, start, place)
    raise LookupError(f"No method of {kind.__name__} contains {wanted!r}.")


def _around(
    function: FunctionType, lines: list[str], start: int, place: int
) -> SourceLine:
    first, last = max(0, place - AROUND), place + AROUND // 2 + 1
    path = Path(inspect.getfile(function)).relative_to(_PACKAGE)
    return SourceLine(
        path=path.as_posix(),
        line=start + place,
        function=function.__qualname__,
        excerpt=dedent("".join(lines[first:last])).rstrip(),
        first_line=start + first,
    )
