"""What is chosen in a figure, kept in the session and in the URL.

A widget would read the URL and write it (`state.BOUND`); here nobody else does.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from pages.frame import state


def shared_place(key: str, options: Sequence[int], default: int) -> int:
    """Return the chosen one of several places, and keep the URL in step with it.

    Args:
        key: Name in the URL and in the session: `token`.
        options: What can be chosen on this page.
        default: What is meant where nothing was chosen.
    """
    asked = st.query_params.get(key)
    known = {str(option): option for option in options}
    if key not in st.session_state and asked in known:
        st.session_state[key] = known[asked]
    state.keep_possible(key, options, key)
    chosen: int = state.get(key, default)
    # Where the last page's widget still holds the parameter, it is there already.
    with suppress(StreamlitAPIException):
        write(key, str(chosen) if key in st.session_state else None)
    return chosen


def linked(key: str, slot: str, read: Callable[[str], Any]) -> Any:
    """Return what was chosen in a figure: in this session, or else by the link.

    The link counts once: what is forgotten later must not come back from the address.

    Args:
        key: Name in the URL.
        slot: Name in the session.
        read: Takes the word in the URL; a ValueError means that it says nothing.
    """
    known: set[str] = st.session_state.setdefault("_links_read", set())
    asked = st.query_params.get(key)
    if slot not in known and slot not in st.session_state and asked is not None:
        with suppress(ValueError):
            st.session_state[slot] = read(asked)
    known.add(slot)
    return st.session_state.get(slot)


def write(key: str, word: str | None) -> None:
    """Keep one word of the URL in step; None takes it out."""
    if word is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != word:
        st.query_params[key] = word


def undotted(word: str) -> tuple[int, ...]:
    """Read the places that a word of the URL names.

    >>> undotted("1.0.12")
    (1, 0, 12)

    Raises:
        ValueError: If it is anything else.
    """
    if not all(part.isdecimal() for part in word.split(".")):
        raise ValueError(f"{word!r} is not a list of places.")
    return tuple(int(part) for part in word.split("."))


def dotted(places: Sequence[int]) -> str:
    """Write places as a word of the URL: `undotted` reads it."""
    return ".".join(map(str, places))
