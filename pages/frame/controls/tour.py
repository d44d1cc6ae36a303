"""A lesson's tour: a few stops, each lights one region and moves what is in it.

A page says what its tour is (`offer`); `app.py` shows the one under way (`listen`). The
stops are written when the tour starts, from what is on the screen then. Stop n shows
the page as it was, with the settings of stops 0 to n: Back undoes what Next did.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from pages.frame import covering, state
from viz.components.tour.view import tour as tour_card

ABSENT: Final = object()
"""What a name had in the session before anybody set it."""

UNCHANGED: Final = ("model", "step", "prompt")
"""If the reader changes one of these, the words of a tour are no longer true."""


class Stop(NamedTuple):
    """One stop of a tour."""

    region: str
    """The `key` of the Streamlit container that is lit."""
    words: str
    """What is said, as plain text: the idea first, its name afterwards."""
    set: Mapping[str, object] = {}
    """What moves here: names in the session's state, and their values."""


Writer = Callable[[], Sequence[Stop]]
"""Writes a tour's stops. Called when it starts."""


@dataclass
class _Tour:
    """A tour under way."""

    page: str
    number: int
    stops: Sequence[Stop]
    at: int = 0
    before: dict[str, object] = field(default_factory=dict)
    """What every name that a stop sets had before the tour."""
    due: int = 0
    """How many more runs may bring the page to this stop."""
    waits: bool = False
    """Whether it begins only with the next run: see `look`."""

    def look(self) -> None:
        """Keep what every name has now, so that it can go back.

        A widget that a prediction still covers has no value yet. Were it set now and
        forgotten in the end, the browser would go on showing what the tour had set.
        So the page is run once, uncovered but unmoved, before the tour begins.
        """
        names = {*UNCHANGED, *(key for stop in self.stops for key in stop.set)}
        self.before = {key: st.session_state.get(key, ABSENT) for key in names}

    def has_hidden_widgets(self) -> bool:
        """Whether a widget that will move has no value yet."""
        return any(
            value is ABSENT and not key.startswith("_") and key not in UNCHANGED
            for key, value in self.before.items()
        )

    def wanted(self) -> dict[str, object]:
        """Return what every name should have at this stop."""
        moved = [stop.set for stop in self.stops[: self.at + 1] if not self.waits]
        return self.before | {
            key: value for each in moved for key, value in each.items()
        }


def offer(place: DeltaGenerator, write: Writer, label: str = "Take the tour") -> None:
    """Offer this page's tour. Call it as soon as what the stops speak of is known.

    Args:
        place: Where the button goes; `lesson.open` returns it.
        write: Returns the stops, about six to ten.
        label: The button's.
    """
    if covering.is_in_study():
        return  # it would tell one arm what the other one predicts
    if _under_way() is None:
        place.button(
            label,
            icon=":material/tour:",
            type="primary",
            key="take_tour",
            on_click=_start,
            args=(write,),
        )
    if st.query_params.pop("tour", None) == "1":
        st.session_state["_tour_wanted"] = write


def begin() -> None:
    """Start the tour that a link asked for; end one whose page was left; move its page.

    Called once a run, by `app.py`, before any widget: their values may be set here.
    """
    if write := st.session_state.pop("_tour_wanted", None):
        _start(write)
    found: _Tour | None = st.session_state.get("_tour")
    if found is not None and found.page != st.session_state.get("_page"):
        _close(keep=False)
    elif found is not None and found.due:
        for key, value in found.wanted().items():
            _put(key, value)


def listen(place: DeltaGenerator) -> None:
    """Show the tour under way, if any. Called once a run, by `app.py`, after the page.

    Args:
        place: Where on the page its view stands; it takes no room.
    """
    if "_tour_wanted" in st.session_state:
        st.rerun()  # now that the page's widgets exist, and can be set
    found = _under_way()
    if found is None:
        return
    if found.waits:
        found.look()
        found.waits = False
        _go(0)
        st.rerun()
    if found.due:
        found.due = 0 if _is_there(found) else found.due - 1
        if found.due:
            st.rerun()
    with place.container(key="tour"):
        tour_card(
            [(stop.region, stop.words) for stop in found.stops],
            found.at,
            key="_tour_card",
            number=found.number,
            on_move=_go,
            on_close=_close,
        )


def is_under_way() -> bool:
    """Whether this page shows its tour now."""
    return _under_way() is not None


def _under_way() -> _Tour | None:
    """Return the tour that is shown; end it where its words are no longer true."""
    found: _Tour | None = st.session_state.get("_tour")
    if found is not None:
        said = found.wanted()
        if any(st.session_state.get(key, ABSENT) != said[key] for key in UNCHANGED):
            del st.session_state["_tour"]
            return None
    return found


def _start(write: Writer) -> None:
    """Write the stops, and go to the first one. Call this before any widget."""
    stops = write()
    number = st.session_state.get("_tours", 0) + 1
    st.session_state["_tours"] = number
    found = _Tour(st.session_state["_page"], number, stops)
    found.look()
    found.waits = found.has_hidden_widgets()
    st.session_state["_tour"] = found
    if not found.waits:
        _go(0)


def _go(at: int) -> None:
    """Have the page shown as a stop wants it: `begin` does it, before any widget."""
    found: _Tour | None = st.session_state.get("_tour")
    if found is None:
        return  # it was closed, and this message is late
    # Twice: a widget that was not on the page reads the address first, and the address
    # still has what the page had before.
    found.at, found.due = at, 2


def _is_there(found: _Tour) -> bool:
    """Whether the page's widgets took what the stop set."""
    return all(
        st.session_state.get(key, ABSENT) == value
        for key, value in found.wanted().items()
        if value is not ABSENT
    )


def _close(keep: bool) -> None:
    """End the tour; what it moved goes back, unless the reader wants it or moved it."""
    found: _Tour | None = st.session_state.pop("_tour", None)
    for key, value in found.wanted().items() if found and not keep else ():
        if st.session_state.get(key, ABSENT) == value:
            _put(key, found.before[key])


def _put(key: str, value: object) -> None:
    if value is ABSENT:
        st.session_state.pop(key, None)
        with suppress(StreamlitAPIException):  # a widget looks after its own
            st.query_params.pop(key, None)
    elif st.session_state.get(key, ABSENT) != value:
        st.session_state[key] = value
        state.forget_unknown(key)
