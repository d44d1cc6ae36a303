"""A tour of a page: one region is lit, the rest is dimmed, and a card says why."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import streamlit as st

from viz.components.shared.mounting import register

_mount = register("tour", "tour_light", "tour_voice")


class TourMove(NamedTuple):
    """Where the reader went."""

    number: int
    """How many messages this tour's view has sent."""
    at: int | None
    """The stop; None: the tour is over."""
    keep: bool
    """Whether what the tour moved stays as it is."""


def tour(
    stops: Sequence[tuple[str, str]],
    at: int,
    *,
    key: str,
    number: int,
    on_move: Callable[[int], None],
    on_close: Callable[[bool], None],
) -> None:
    """Show a tour at one of its stops, and go on from there.

    →, ↓, Space and Page Down go on, ←, ↑ and Page Up go back, Esc closes. The words and
    the light go ahead at once; the page follows, with one message at a time.

    Args:
        stops: The key of a container, and what is said about it, as plain text.
        at: The stop shown first.
        key: The view's name on this page.
        number: Tells this tour from those before it.
        on_move: Called with another stop, before the page runs again.
        on_close: Called when the tour is over: whether to keep what it moved.

    Raises:
        ValueError: If there is no such stop.
    """
    if not 0 <= at < len(stops):
        raise ValueError(f"There is no stop {at} among {len(stops)}.")
    heard = f"{key}.heard"
    last, kept = st.session_state.get(heard, (number, 0))

    def told() -> None:
        move = read_move(st.session_state[key].get("moved"), len(stops))
        if move is None:
            return
        st.session_state[heard] = number, move.number
        if move.at is None:
            on_close(move.keep)
        else:
            on_move(move.at)

    data = {
        "stops": [{"region": region, "words": words} for region, words in stops],
        "at": at,
        "tour": number,
        "heard": kept if last == number else 0,
    }
    _mount(key=key, data=data, on_moved_change=told)


def read_move(event: object, count: int) -> TourMove | None:
    """Read a browser's message; None if it says nothing sound.

    >>> read_move({"number": 2, "at": 3, "keep": False}, count=8)
    TourMove(number=2, at=3, keep=False)
    >>> read_move({"number": 2, "at": 8, "keep": False}, count=8)
    """
    if not isinstance(event, dict):
        return None
    number, at = event.get("number"), event.get("at")
    if type(number) is not int or not (at is None or type(at) is int):
        return None
    if at is not None and not 0 <= at < count:
        return None
    return TourMove(number, at, event.get("keep") is True)
