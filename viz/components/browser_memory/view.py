"""What this browser remembers of a learner, from one visit to the next.

It lies in the browser's own storage, on the learner's machine, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import streamlit as st

from viz.components.shared.mounting import register

_mount = register("browser_memory")


@dataclass(frozen=True)
class Kept:
    """What the browser shall keep."""

    name: str
    """Under which the browser stores it."""
    text: str
    session: str
    """Which session this text is of: each hears once what was stored before it."""
    is_heard: bool
    """Whether this text holds what was stored before; until then, that stays."""


def browser_memory(kept: Kept, *, key: str, on_found: Callable[[str], None]) -> None:
    """Hand over what the browser has stored, and store what it shall keep.

    Args:
        kept: What to store.
        key: The view's name on this page. It shows nothing.
        on_found: Called with what was stored when the session began, if anything was,
            and with what another tab has stored since.
    """

    def take() -> None:
        found = st.session_state[key].found
        if isinstance(found, str):
            on_found(found)

    _mount(data=asdict(kept), key=key, on_found_change=take)
