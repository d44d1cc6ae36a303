"""Progress that outlives the tab: the learner's browser keeps it.

Nothing about a learner is stored on the server. What the browser hands over is checked
like any file from outside.
"""

import logging
from copy import deepcopy

import streamlit as st

from minigpt.errors import DataError
from pages.frame import progress, progress_file
from viz.components.browser_memory.view import browser_memory

logger = logging.getLogger("minigpt.app")

NAME = "minigpt-progress"
_READ = "_memory_read"
_HAS_NEW = "_memory_has_new"


@st.fragment
def keep() -> None:
    """Read what the browser has, and let it keep what is new. Called once a run.

    A fragment: a browser that has stored nothing does not make the page run again.
    """
    if st.session_state.pop(_HAS_NEW, False):
        st.rerun()
    is_read = st.session_state.get(_READ, False)
    text = progress_file.to_json(progress.of_session()) if is_read else None
    with st.container(key="browser_memory"):
        browser_memory(NAME, text, key="_browser_memory", on_found=_take)


def _take(text: str) -> None:
    """Join what the browser has stored with what was done since this page opened."""
    st.session_state[_READ] = True
    if not text:
        return
    try:
        stored = progress_file.from_json(text.encode())
    except DataError as error:
        # Another version's, or spoilt by hand: what comes from here on replaces it.
        logger.warning("Stored progress was not read: %s", error)
        return
    here = progress.of_session()
    before = deepcopy(here)
    here.take_over(stored)
    if here != before:
        st.session_state[_HAS_NEW] = True
