"""What every page shares: chosen once, kept on every page, written in the URL.

A key of `SHARED` is at once the key of a widget, of the session's state and of the
URL's query. `bind` writes the widget's value to the URL, so that a link opens this
view; `persist_state` keeps it on pages that do not show the widget.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import streamlit as st
from streamlit.errors import StreamlitAPIException

from minigpt.errors import near_names
from viz.components.page_history.view import page_history

SHARED: Final = ("model", "step", "prompt", "layer", "head", "token", "run")

SIDEBAR: Final = ("model", "step")
"""Those whose widgets are on every page."""

BOUND: Final[dict[str, Any]] = {"bind": "query-params", "persist_state": "session"}
"""The two arguments of every widget whose value is shared."""

DEFAULT_PROMPT: Final = "Once upon a time there was a"


def get(key: str, default: Any = None) -> Any:
    """Return a shared value, whether or not this page shows its widget."""
    value = st.session_state.get(key)
    return default if value is None else value


def go_to(page: str, **values: Any) -> None:
    """Open another page with some shared values set. Call this from a callback.

    Args:
        page: The page's path, `pages/head_explorer/head_explorer.py`.
        values: Shared values by key.
    """
    if "model" in values:
        st.session_state.pop("step", None)
    for key, value in values.items():
        st.session_state[key] = value
    st.session_state["_go_to"] = page, values, None


def open_view(page: str, values: Mapping[str, Any], query: Mapping[str, str]) -> None:
    """Open what somebody else sees: what they chose in widgets and in figures.

    It may be called anywhere: nothing is set before the next run begins.

    Args:
        page: The page's path.
        values: Of the widgets, by key.
        query: What figures wrote into the address.
    """
    st.session_state["_go_to"] = page, dict(values), dict(query)


def is_leaving() -> bool:
    """Whether a callback asked for another page and it has not been opened yet."""
    return "_go_to" in st.session_state


def follow() -> None:
    """Open the page that a callback asked for. Called once a run, by `app.py`."""
    asked = st.session_state.pop("_go_to", None)
    if asked is not None:
        page, values, query = asked
        if query is not None:
            _forget_place(values)
        # After a fragment's own run, widgets outside it have their old values again.
        st.session_state.update(values)
        # Without query_params, Streamlit would refuse to clear those it has bound.
        st.switch_page(page, query_params=query or {})


def _forget_place(values: Mapping[str, Any]) -> None:
    """Forget what was chosen in figures, so that the address is read once more."""
    for slot in st.session_state.pop("_links_read", ()):
        st.session_state.pop(slot, None)
    if "model" in values:
        st.session_state.pop("step", None)


def refuse_infinite() -> None:
    """Drop numbers of the URL that no number field can take. Called once a run.

    Streamlit's own reading of `layer=1e309` ends in an error instead of the default.
    """
    words = st.query_params.to_dict()
    refused = [key for key in words if key != "prompt" and _is_infinite(words[key])]
    for key in refused:
        note = f"There is no {key} {words[key][:20]!r} here."
        st.session_state[f"_unknown_{key}"] = note
        with suppress(StreamlitAPIException):  # a widget of this page has it already
            del st.query_params[key]
    if refused and not st.query_params.keys() & set(refused):
        st.rerun()  # the widgets read the URL that a run begins with


def _is_infinite(word: str) -> bool:
    try:
        return math.isinf(float(word))
    except ValueError:
        return False


def keep_history() -> None:
    """Let the browser's Back leave a page at once. Called once a run, by `app.py`."""
    with st.container(key="page_history"):
        page_history(key="_page_history")


def carry(page: str) -> None:
    """Take the shared values along to a page that was just opened.

    A widget of the same key on another page is another widget: in its first run it
    would show its default. Assigning the value beforehand makes it keep what it had.

    Args:
        page: What names the page, its path in the URL.
    """
    opened = st.session_state.get("_page") != page
    st.session_state["_just_opened"] = opened
    st.session_state["_page"] = page
    if opened:
        for key in SHARED:
            if key not in SIDEBAR:
                forget_unknown(key)
            if key in st.session_state:
                st.session_state[key] = st.session_state[key]


def keep_possible(key: str, options: Sequence[Any], kind: str) -> None:
    """Forget a value that is not among the options, and remember to say so.

    Streamlit falls back on its own, but in silence. Call this before the widget.

    Args:
        key: Which shared value.
        options: What can be chosen here.
        kind: What the reader calls it: `model`, `run`.
    """
    known = {str(option): option for option in options}
    asked = st.query_params.get(key)
    if key not in st.session_state and asked is not None and asked not in known:
        st.session_state[f"_unknown_{key}"] = (
            f"There is no {kind} {asked[:80]!r} here.{near_names(asked[:80], known)}"
        )
    if key in st.session_state and st.session_state[key] not in known.values():
        if key in ("model", "run"):  # others depend on the model, and come and go
            st.session_state[f"_unknown_{key}"] = (
                f"The {kind} {st.session_state[key]!r} is not here any more: it was "
                "renamed or deleted."
            )
        del st.session_state[key]
    write_to_url(key)


def write_to_url(key: str) -> None:
    """Put a carried value into the URL at once; Streamlit would do it one run later.

    Or never: a slider over another model's steps is new on the page that opens with it.
    """
    value = st.session_state.get(key)
    carried = st.session_state.get("_just_opened")
    if carried and value is not None and key not in st.query_params:
        # Where the last page's widget still holds the parameter, it is there already.
        with suppress(StreamlitAPIException):
            st.query_params[key] = str(value)


def unknown() -> list[str]:
    """Return what `keep_possible` had to say, until another value is chosen."""
    notes = (st.session_state.get(f"_unknown_{key}") for key in SHARED)
    return [note for note in notes if note is not None]


def forget_unknown(key: str) -> None:
    """Stop saying it: the reader has chosen."""
    st.session_state.pop(f"_unknown_{key}", None)


def prompt_input(label: str = "Prompt", *, value: str = DEFAULT_PROMPT) -> str:
    """Show the prompt, the same on every page, and return it."""
    write_to_url("prompt")
    return st.text_input(
        label,
        value=value,
        key="prompt",
        max_chars=2000,
        help="What the model reads. The same prompt is on every page.",
        **BOUND,
    )


def may_cut() -> bool:
    """Whether the reader agreed to read only the end of this prompt."""
    return st.session_state.get("_cut_prompt") == get("prompt", DEFAULT_PROMPT)


def toggle_cut() -> None:
    """Agree, or withdraw it, for the prompt of this moment."""
    agreed = may_cut()
    st.session_state["_cut_prompt"] = None if agreed else get("prompt", DEFAULT_PROMPT)
