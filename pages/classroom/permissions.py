"""What learners may open: pages can be locked until the class gets there."""

import streamlit as st

from minigpt.classroom.room import Room
from minigpt.classroom.screens import lock, screens
from pages.frame import course


def show(room: Room) -> None:
    """Show which pages are locked."""
    titles = {page.name: page.title for page in course.PAGES if page != course.HOME}
    st.subheader("Locked pages", anchor=False)
    locked = screens(room).locked
    st.session_state["_locked_pages"] = [name for name in titles if name in locked]
    st.multiselect(
        "Pages that learners may not open now",
        list(titles),
        format_func=titles.__getitem__,
        key="_locked_pages",
        on_change=_lock,
        args=(room,),
        placeholder="None is locked",
        help="Whoever is on a page when you lock it sees it covered within seconds.",
    )


def _lock(room: Room) -> None:
    lock(room, st.session_state["_locked_pages"])
