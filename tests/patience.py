"""Wait for what another process or thread does. Only this file of the tests sleeps."""

import time
from collections.abc import Callable

EVERY = 0.02
"""Seconds between two looks."""


def until(condition: Callable[[], object], seconds: float = 300) -> None:
    """Return when a condition holds; fail when it has not for a long time.

    A condition that can no longer come true fails by an assertion of its own.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(EVERY)
