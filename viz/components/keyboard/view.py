"""Keys pressed anywhere on the page, for what the whole page shares."""

from collections.abc import Callable, Collection
from typing import TypeGuard

import streamlit as st

from viz.components.shared.mounting import register

MOST_PRESSES = 200
"""More presses than anyone can make before one message is sent."""

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
    heard = f"{key}.heard"

    def told() -> None:
        number, presses = read_presses(st.session_state[key].get("pressed"), wanted)
        st.session_state[heard] = number
        if presses:
            on_press(presses)

    data = {"keys": wanted, "heard": st.session_state.get(heard, 0)}
    _mount(key=key, data=data, on_pressed_change=told)


def read_presses(event: object, wanted: Collection[str]) -> tuple[int, dict[str, int]]:
    """Read a browser's message: its number, and how often each wanted key was pressed.

    >>> read_presses({"number": 3, "presses": {"?": 2, "x": 1, "[": -3}}, ["?", "["])
    (3, {'?': 2})
    """
    if not isinstance(event, dict):
        return 0, {}
    number, presses = event.get("number"), event.get("presses")
    if not _is_count(number) or not isinstance(presses, dict):
        return 0, {}
    return number, {
        name: count
        for name, count in presses.items()
        if name in wanted and _is_count(count) and 0 < count <= MOST_PRESSES
    }


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
