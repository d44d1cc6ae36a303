"""Progress that outlives the tab: the learner's browser keeps it.

Nothing about a learner is stored on the server. What the browser hands over is checked
like any file from outside.
"""

import logging
import secrets

import streamlit as st

from minigpt.errors import DataError
from pages.frame import progress, progress_file
from viz.components.browser_memory.view import Kept, browser_memory

logger = logging.getLogger("minigpt.app")

NAME = "minigpt-progress"
_SESSION = "_memory_session"
_HEARD = "_memory_heard"


def keep() -> None:
    """Hear what the browser has, and let it keep what is new. Called once a run.

    A browser that has stored nothing says nothing, and the page does not run again.
    """
    kept = Kept(
        NAME,
        progress_file.to_json(progress.of_session()),
        session=st.session_state.setdefault(_SESSION, secrets.token_hex(8)),
        is_heard=st.session_state.get(_HEARD, False),
    )
    with st.container(key="browser_memory"):
        browser_memory(kept, key="_browser_memory", on_found=_take)


def _take(text: str) -> None:
    """Join what the browser has stored with what was done since this page opened."""
    st.session_state[_HEARD] = True
    try:
        stored = progress_file.from_json(text.encode())
    except DataError as error:
        # Another version's, or spoilt by hand: what comes from here on replaces it.
        logger.warning("Stored progress was not read: %s", error)
        return
    progress.of_session().take_over(stored)
