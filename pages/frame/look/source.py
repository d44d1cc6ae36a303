"""The source of what a page shows, read once: it does not change while the app runs."""

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import minigpt

_ROOT = Path(minigpt.__file__).parents[1]


class Source(NamedTuple):
    """Lines of the package, and where they stand."""

    text: str
    place: str
    """Path and line: `minigpt/model/attention.py:20`."""


@cache
def source_of(shown: type | Callable[..., object]) -> Source:
    """Return the source of a class or function.

    Args:
        shown: What the reader wants to see; a decorated function is shown as written.
    """
    written = inspect.unwrap(shown)
    lines, first = inspect.getsourcelines(written)
    path = Path(inspect.getfile(written)).relative_to(_ROOT).as_posix()
    return Source(dedent("".join(lines)), f"{path}:{first}")
