"""A shared place (token, layer, head) on a page where a figure is its only control.

A widget would read the URL and write it (`state.BOUND`); here nobody else does.
"""

from collections.abc import Sequence
from contextlib import suppress

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
        if key in st.session_state:
            st.query_params[key] = str(chosen)
        else:
            st.query_params.pop(key, None)
    return chosen
