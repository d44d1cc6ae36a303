"""How far a series of runs has come, and when it will be over."""

from collections.abc import Sequence
from typing import NamedTuple


class SeriesProgress(NamedTuple):
    """How far a series has come."""

    share: float
    """Of the whole work, from 0 to 1."""
    seconds_left: float | None
    """None until something has been measured."""


def series_progress(
    estimated: Sequence[float], done: Sequence[float], elapsed: float
) -> SeriesProgress:
    """Work out what is left from what the finished part has really taken.

    Args:
        estimated: Seconds that each run was expected to take; only their ratios count
            once something was measured.
        done: Share of each run's steps, from 0 to 1.
        elapsed: Seconds of training so far, of all runs together.
    """
    whole = sum(estimated)
    behind = sum(
        seconds * share for seconds, share in zip(estimated, done, strict=True)
    )
    if behind <= 0 or whole <= 0:
        return SeriesProgress(0.0, None)
    left = None if elapsed <= 0 else elapsed * (whole - behind) / behind
    return SeriesProgress(min(1.0, behind / whole), left)
