"""Register a view with Streamlit, and remember what its reader chose."""

import re
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from viz.theme import css_palette

Choice = TypeVar("Choice")

_SHARED = Path(__file__).parent


def register(name: str, *parts: str) -> ComponentRenderer:
    """Build a view from its files. Call this once, when the module is imported.

    A script sent inline cannot import another, so the files that all views share, such
    as colours and drawing, stand before each view's own.

    Args:
        name: Of the view, of its folder, and of its script and style there.
        parts: Names of further scripts, in the view's folder or in `shared`, each with
            a style of the same name if it has any.
    """
    folder = _SHARED.parent / name
    scripts = ("colours", "drawing", "redrawing", *parts, name)
    styles = ("shared", *parts, name)
    return st.components.v2.component(
        f"minigpt.{name}",
        # Streamlit takes a string without a line break for a path.
        html=f'<div class="view {name}"></div>\n',
        js=_redrawable(name, _joined(folder, [f"{script}.js" for script in scripts])),
        css=f"{css_palette('.view')}\n"
        + _joined(folder, [f"{style}.css" for style in styles]),
    )


def _joined(folder: Path, names: Sequence[str]) -> str:
    """Join a view's files, each from its own folder or else from the shared one."""
    found = [place / name for name in names for place in (folder, _SHARED)]
    return "\n".join(f.read_text(encoding="utf-8") for f in found if f.is_file())


def _redrawable(name: str, script: str) -> str:
    """Let whoever holds the view ask it to draw itself again (`redrawing.js`)."""
    started = re.sub(
        r"^export default function (\w+)", r"function \1", script, flags=re.M
    )
    draw = re.findall(r"^export default function (\w+)", script, re.M)[-1]
    return f'{started}\nexport default withRedrawing({draw}, "{name}");\n'


def inside(rows: int, columns: int) -> Callable[[tuple[int, int]], bool]:
    """Return the test whether a row and a column lie inside a table of this size."""
    return lambda cell: 0 <= cell[0] < rows and 0 <= cell[1] < columns


def current_choice(
    key: str,
    given: Choice | None,
    fits: Callable[[Choice], bool],
) -> Choice | None:
    """Return what is selected now: the latest choice of the page or the reader.

    A page may store each click and pass it back as `given`, or always pass the same
    `given` and use the returned value.

    Args:
        key: The view's key.
        given: What the page says is selected.
        fits: Whether a choice made earlier still lies inside the data shown now.

    Raises:
        ValueError: If `given` does not fit.
    """
    if given is not None and not fits(given):
        raise ValueError(f"The selection {given!r} lies outside the data of {key!r}.")
    slot = _slot(key)
    said, chosen = st.session_state.get(slot, (given, given))
    if said != given or (chosen is not None and not fits(chosen)):
        chosen = given
    st.session_state[slot] = (given, chosen)
    kept: Choice | None = chosen
    return kept


def listener(
    key: str,
    read: Callable[[object], Choice],
    fits: Callable[[Choice], bool],
    on_select: Callable[[Choice | None], None] | None,
) -> Callable[[], None]:
    """Return the callback that stores a click before the page runs again.

    What arrives was sent by a browser and is checked like any input: a choice that does
    not parse or does not fit is dropped.
    """

    def remember() -> None:
        event = st.session_state[key].get("picked")
        if not isinstance(event, dict) or "value" not in event:
            return
        choice: Choice | None = None
        if event["value"] is not None:
            try:
                choice = read(event["value"])
            except (TypeError, ValueError):
                return
            if not fits(choice):
                return
        said, _ = st.session_state.get(_slot(key), (None, None))
        st.session_state[_slot(key)] = (said, choice)
        if on_select is not None:
            on_select(choice)

    return remember


def chosen_position(
    key: str,
    positions: Container[int],
    given: int | None = None,
    on_select: Callable[[int | None], None] | None = None,
) -> tuple[int | None, Callable[[], None]]:
    """Return the position selected now, and what to pass as `on_picked_change`.

    Args:
        key: The view's key.
        positions: Which ones can be selected.
        given: See `current_choice`.
        on_select: See `listener`.

    Raises:
        ValueError: If `given` is not one of them.
    """
    fits = positions.__contains__
    chosen: int | None = current_choice(key, given, fits)
    return chosen, listener(key, read_position, fits, on_select)


def chosen_cell(
    key: str,
    size: tuple[int, int],
    given: tuple[int, int] | None = None,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[tuple[int, int] | None, Callable[[], None]]:
    """Do for a row and a column of a table what `chosen_position` does.

    Args:
        key: The view's key.
        size: The number of rows and of columns.
        given: See `current_choice`.
        on_select: See `listener`.

    Raises:
        ValueError: If `given` lies outside.
    """
    fits = inside(*size)
    chosen = current_choice(key, given, fits)
    return chosen, listener(key, read_pair, fits, on_select)


def sent(key: str, name: str, read: Callable[[object], Choice]) -> Choice | None:
    """Return what a view's event of this run says, or None if it says nothing sound.

    Args:
        key: The view's key.
        name: The event's: what the script gave to `setTriggerValue`.
        read: Parses the event's value; TypeError or ValueError refuse it.
    """
    event = st.session_state[key].get(name)
    if not isinstance(event, dict) or "value" not in event:
        return None
    try:
        return read(event["value"])
    except (TypeError, ValueError):
        return None


def read_position(value: object) -> int:
    """Read one position out of a browser's message."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"A position is a number, not {value!r}.")
    return int(value)


def read_pair(value: object) -> tuple[int, int]:
    """Read two positions out of a browser's message."""
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError(f"A pair is a list of two numbers, not {value!r}.")
    return read_position(value[0]), read_position(value[1])


def _slot(key: str) -> str:
    return f"{key}.choice"
