"""What this browser remembers of a learner, from one visit to the next.

It lies in the browser's own storage, on the learner's machine, and nowhere else.
"""

from collections.abc import Callable

import streamlit as st

from viz.components.shared.mounting import register

_mount = register("browser_memory")


def browser_memory(
    name: str, text: str | None, *, key: str, on_found: Callable[[str], None]
) -> None:
    """Hand over what the browser has stored, and store what it shall keep.

    Args:
        name: Under which the browser stores it.
        text: What to store; None stores nothing, as long as nothing was read.
        key: The view's name on this page. It shows nothing.
        on_found: Called with what was stored when the page opened, an empty text if
            nothing was, and with what another tab has stored since.
    """

    def take() -> None:
        found = st.session_state[key].found
        if isinstance(found, str):
            on_found(found)

    _mount(data={"name": name, "text": text}, key=key, on_found_change=take)
