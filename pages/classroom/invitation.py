"""The way in: the learners' link, large enough to be scanned from the last row."""

from urllib.parse import urlsplit

import streamlit as st

from minigpt.classroom import addresses
from minigpt.classroom.opened import Opened, opened
from minigpt.serve.hosts import LOOPBACK
from pages.frame import state


def show() -> None:
    """Show the link, as text and as a picture, and whether the door is open."""
    found = opened()
    if found is None:
        return
    st.subheader("Join", anchor=False)
    root = _choose_root(found)
    link = addresses.join_link(found, root)
    if found.room.setting("closed", False):
        st.caption("The door is closed: nobody new comes in by this link.")
    else:
        st.image(
            addresses.picture(link), width=260, caption="Scan it, or type the link."
        )
    st.code(link, language=None, wrap_lines=True)
    # The class knows, not the widget: another tab, or the end of the class, changes it.
    st.session_state["_door"] = not found.room.setting("closed", False)
    st.toggle(
        "Let learners in",
        key="_door",
        on_change=_open_or_close,
        args=(found,),
        help="Whoever has joined stays in.",
    )


def _choose_root(found: Opened) -> str:
    """Let the teacher choose by which address learners reach this machine."""
    asked = urlsplit(st.context.url or "")
    known = addresses.roots(found)
    here = f"{asked.scheme}://{asked.netloc}"
    if asked.hostname and asked.hostname not in LOOPBACK:
        known = [here, *(root for root in known if root != here)]
    return st.selectbox("Address of this computer", known, key="join_at", **state.BOUND)


def _open_or_close(found: Opened) -> None:
    found.room.set("closed", not st.session_state["_door"])
