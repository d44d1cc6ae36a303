"""Opening a lesson where its point is largest, unless the reader is somewhere already.

Each lesson searches the chosen model (`minigpt.interpret.openings`). The page begins at
what was found and says so; whoever chose a prompt or a place keeps it, and is offered
the way there.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.openings.opening import Opening
from pages.frame import state
from pages.frame.remember import identity

Found = TypeVar("Found", bound=Opening)

_OPENED_AT = "_opened_at"
_OPENED_FOR = "_opened_for"
"""Which page and model were last opened somewhere."""
_DEFAULTS = {"prompt": state.DEFAULT_PROMPT, "layer": 0, "head": 0}


Search = Callable[[Checkpoint], Found | None]
"""A lesson's search of a model; None where there is nothing to be found."""

Also = Callable[[Found], Mapping[str, Any]]
"""Returns the session state of the lesson's own that belongs to a place."""


def begin(
    search: Search[Found], checkpoint: Checkpoint, also: Also[Found] = lambda _: {}
) -> Found | None:
    """Search, and move the shared place there, if the reader has chosen nothing yet.

    Call this before the widgets of prompt, layer, head and token. Once a page shows a
    model, its place stays: the time machine shows the same place at another step.
    Whoever is somewhere already does not wait for a search, but can ask for it.

    Returns:
        What was found in this model at this step, if this session searched it.
    """
    known: dict[object, Found | None] = st.session_state.setdefault("_openings", {})
    here = st.session_state.get("_page"), identity(checkpoint)

    def find() -> None:
        found = known[here] = search(checkpoint)
        if found is not None:
            _go_to({**_place(found), **also(found)}, _OPENED_AT)

    def ask() -> None:
        with suppress(DataError):  # the page says what is wrong with the model
            find()

    if _is_new() and _is_free():
        find()
    if here not in known:
        _show_way(ask)
    return known.get(here)


def offer(found: Opening, words: str, **also: Any) -> None:
    """Say why the page opened here, or offer the way to where its point is largest.

    Args:
        found: What `begin` returned.
        words: What is large here, with its size. Markdown.
        also: What belongs to the place, as `begin` was told.
    """
    _offer({**_place(found), **also}, words, _OPENED_AT)


def begin_at(lesson: str, place: Mapping[str, Any]) -> None:
    """Move values of a lesson's own there, if the reader has chosen none of them.

    Call this before their widgets.

    Args:
        lesson: Whose they are.
        place: Session state, such as `{"stretch": 3}`.
    """
    opened_at = st.session_state.get(f"{_OPENED_AT}_{lesson}", {})
    is_as_opened = bool(opened_at) and _is_at(opened_at)
    if is_as_opened or all(_now(key) is None for key in place):
        _go_to(place, f"{_OPENED_AT}_{lesson}")


def offer_at(lesson: str, place: Mapping[str, Any], words: str) -> None:
    """Say why the page opened there, or offer the way: see `offer`.

    Args:
        lesson: As given to `begin_at`.
        place: As given to `begin_at`.
        words: What is large there, with its size. Markdown.
    """
    _offer(place, words, f"{_OPENED_AT}_{lesson}")


def _offer(place: Mapping[str, Any], words: str, kept_as: str) -> None:
    if _is_at(place):
        with st.container(key="opening"):
            st.caption(words)
        return
    _show_way(partial(_go_to, place, kept_as))


def _show_way(go: Callable[[], None]) -> None:
    st.button(
        "Go to where the effect is largest",
        key="_go_to_opening",
        icon=":material/my_location:",
        type="tertiary",
        help="This lesson searches text that the model did not learn from.",
        on_click=go,
    )


def _place(found: Opening) -> dict[str, Any]:
    return {
        "prompt": found.prompt,
        "layer": found.layer,
        "head": found.head,
        "token": found.token,
    }


def _go_to(place: Mapping[str, Any], kept_as: str) -> None:
    st.session_state.update(place)
    st.session_state[kept_as] = dict(place)


def _is_new() -> bool:
    """Whether this page, or the model on it, was opened just now."""
    shown = (st.session_state.get("_page"), state.get("model"))
    is_new = st.session_state.get(_OPENED_FOR) != shown
    st.session_state[_OPENED_FOR] = shown
    return is_new


def _is_free() -> bool:
    """Whether prompt and place are still a page's own: its default or its opening."""
    opened_at = st.session_state.get(_OPENED_AT, {})
    if _is_at(opened_at):
        return bool(opened_at) or _is_untouched()
    return False


def _is_at(place: Mapping[str, Any]) -> bool:
    return all(str(_now(key)) == str(value) for key, value in place.items())


def _is_untouched() -> bool:
    # Streamlit leaves defaults out of the address: a token in it was chosen.
    return "token" not in st.query_params and all(
        str(_now(key)) in ("None", str(value)) for key, value in _DEFAULTS.items()
    )


def _now(key: str) -> Any:
    """Return a shared value: chosen in this session, or in the address."""
    return state.get(key, st.query_params.get(key))
