"""A bar over long work: how much is done, and how long the rest will take."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.frame.words import duration

SOON = 0.3
"""Seconds that a reader waits without being told for how long."""

Job = TypeVar("Job")


def in_turn(
    jobs: Sequence[Job],
    words: str,
    *,
    before: int = 0,
    patience: float = 0.0,
    place: DeltaGenerator | None = None,
    when_slow: Callable[[], None] = lambda: None,
) -> Iterator[Job]:
    """Yield one job after the other, and show a bar while there are any.

    Args:
        jobs: What is left to do.
        words: What the bar says; `{done}` and `{total}` count jobs.
        before: Jobs that were done at an earlier time: the bar begins there.
        patience: Seconds until the bar appears.
        place: Where the bar is drawn; by default where the page stands.
        when_slow: Called once, when the bar appears: it may draw a way to stop.
    """
    bar = st.empty() if place is None else place.empty()
    begun, total, is_slow = time.monotonic(), before + len(jobs), False
    for done, job in enumerate(jobs):
        passed = time.monotonic() - begun
        if passed >= patience:
            if not is_slow:
                when_slow()
            is_slow = True
            text = words.format(done=before + done, total=total)
            left = passed / done * (len(jobs) - done) if done else None
            then = "…" if left is None else f"about {duration(left)} left"
            bar.progress((before + done) / total, f"{text}: {then}")
        yield job
    bar.empty()
