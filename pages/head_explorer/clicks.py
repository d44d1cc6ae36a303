"""What a reader clicks in the figures, and how soon the browser shows the answer.

A browser takes up what a run sends it in a few passes, and in each of them Streamlit's
front end goes over every element of the page. What arrives during a pass waits for the
next. So a run that answers a click sends the head first, and waits before it sends the
rest: else the browser would take up both together, and paint the head as late as all
the rest. The head is there a quarter sooner for it, the rest a tenth of a second later.
"""

import time
from typing import Final

import streamlit as st

from pages.frame import reading

PAINTING: Final = 0.2
"""Seconds until a slow browser has painted the head: two passes, and a frame."""


def pick_head(place: tuple[int, int] | None) -> None:
    """Remember the head whose thumbnail was clicked."""
    _ask()
    reading.pick_head(place)


def pick_cell(cell: tuple[int, int] | None) -> None:
    """Remember the cell that was clicked; None, after Esc, leaves the row."""
    _ask()
    st.session_state["_read"] = None
    if cell is not None:
        st.session_state["token"], st.session_state["_read"] = cell


def pick_row(token: int | None) -> None:
    """Remember the reading token that was clicked."""
    _ask()
    if token is not None:
        st.session_state["token"], st.session_state["_read"] = token, None


def let_paint() -> None:
    """If this run answers a click, let the browser paint what it was sent so far.

    A newer click does not wait for it: Streamlit runs the page for it in a thread of
    its own, and what this run would still send is dropped.
    """
    if st.session_state.pop("_is_asked", False):
        time.sleep(PAINTING)


def _ask() -> None:
    st.session_state["_is_asked"] = True
