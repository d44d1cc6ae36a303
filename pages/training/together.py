"""Runs that belong together, a race or a series: watched as one, or one by itself."""

import streamlit as st

from pages.frame import state

EVERY_SECONDS = 2
"""How often a page that watches them is drawn anew while one is at work."""

_ALONE = "this run alone"


def is_wanted(all_of_them: str, *, key: str) -> bool:
    """Ask whether to watch all that belong together, or the chosen run by itself.

    Args:
        all_of_them: What the reader calls them: `the race`.
        key: The choice's name in the session and in the address.
    """
    watched = st.segmented_control(
        "Watch",
        (all_of_them, _ALONE),
        default=all_of_them,
        required=True,
        key=key,
        label_visibility="collapsed",
        **state.BOUND,
    )
    return watched == all_of_them
