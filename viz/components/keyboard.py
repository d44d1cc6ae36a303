"""Keys pressed anywhere on the page, for what the whole page shares."""

from collections.abc import Callable, Collection

import streamlit as st

from viz.components.mounting import register

MOST_PRESSES = 200
"""More in one message than any finger can do before it is sent."""

_mount = register("keyboard")


def keyboard(
    keys: Collection[str], *, key: str, on_press: Callable[[dict[str, int]], None]
) -> None:
    """Listen for keys, unless the reader types or a focused control wants them.

    Args:
        keys: Names as browsers give them: `ArrowLeft`, `[`, `?`, ` `.
        key: The view's name on this page.
        on_press: Called with how often each key was pressed since the last call, before
            the page runs again.
    """
    wanted = sorted(keys)

    def told() -> None:
        event = st.session_state[key].get("pressed")
        presses = read_presses(event, wanted)
        if presses:
            on_press(presses)

    _mount(key=key, data={"keys": wanted}, on_pressed_change=told)


def read_presses(event: object, wanted: Collection[str]) -> dict[str, int]:
    """Read a browser's message: how often each wanted key was pressed.

    >>> read_presses({"ArrowLeft": 2, "x": 1, "?": -3}, ["ArrowLeft", "?"])
    {'ArrowLeft': 2}
    """
    if not isinstance(event, dict):
        return {}
    return {
        name: count
        for name, count in event.items()
        if name in wanted
        and isinstance(count, int)
        and not isinstance(count, bool)
        and 0 < count <= MOST_PRESSES
    }
