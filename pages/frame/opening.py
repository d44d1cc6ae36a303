"""Opening a lesson where its point is largest, unless the reader is somewhere already.

Each lesson searches the chosen model (`minigpt.interpret.openings`). The page begins at
what was found and says so; whoever chose a prompt or a place keeps it, and is offered
the way there.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from minigpt.interpret.openings.opening import Opening
from pages.frame import state

_OPENED_AT = "_opened_at"
_DEFAULTS = {"prompt": state.DEFAULT_PROMPT, "layer": 0, "head": 0}


def begin(found: Opening | None, **also: Any) -> None:
    """Move the shared place there, if the reader has chosen nothing yet.

    Call this before the widgets of prompt, layer, head and token.

    Args:
        found: What the lesson's search found; None changes nothing.
        also: Session state of the lesson's own that belongs to the place.
    """
    if found is not None and _is_free():
        _go_to({**_place(found), **also})


def offer(found: Opening | None, words: str, **also: Any) -> None:
    """Say why the page opened here, or offer the way to where its point is largest.

    Args:
        found: As given to `begin`.
        words: What is large here, with its size. Markdown.
        also: As given to `begin`.
    """
    if found is None:
        return
    place = {**_place(found), **also}
    if all(str(_now(key)) == str(value) for key, value in place.items()):
        with st.container(key="opening"):
            st.caption(words)
        return
    st.button(
        "Go to where the effect is largest",
        key="_go_to_opening",
        icon=":material/my_location:",
        type="tertiary",
        help="This lesson searched text that the model did not learn from.",
        on_click=_go_to,
        args=(place,),
    )


def _place(found: Opening) -> dict[str, Any]:
    return {
        "prompt": found.prompt,
        "layer": found.layer,
        "head": found.head,
        "token": found.token,
    }


def _go_to(place: Mapping[str, Any]) -> None:
    st.session_state.update(place)
    st.session_state[_OPENED_AT] = dict(place)


def _is_free() -> bool:
    """Whether prompt and place are still a page's own: its default or its opening."""
    opened_at = st.session_state.get(_OPENED_AT, {})
    if all(str(_now(key)) == str(value) for key, value in opened_at.items()):
        return bool(opened_at) or _is_untouched()
    return False


def _is_untouched() -> bool:
    # Streamlit leaves defaults out of the address: a token in it was chosen.
    return "token" not in st.query_params and all(
        str(_now(key)) in ("None", str(value)) for key, value in _DEFAULTS.items()
    )


def _now(key: str) -> Any:
    """Return a shared value: chosen in this session, or in the address."""
    return state.get(key, st.query_params.get(key))
