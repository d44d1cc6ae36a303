"""The teacher's view on every screen: shown once, or followed from page to page."""

from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from minigpt.classroom.room import Room
from minigpt.classroom.screens import View, plain_values, show_view
from pages.frame import course, covering, state

EVERY_SECONDS = 5
_ASKED, _SHOWN, _KEYS = "_lead_asked", "_lead_shown", "_lead_keys"
_THEIR_OWN = ("hide", "present", covering.SWITCH)
"""What each reader decides for themselves."""


def show(room: Room) -> None:
    """Show the controls: offer this view, or take the class along."""
    with st.container(key="class_lead"):
        _show_who_is_here(room)
        st.session_state["_follow_me"] = room.setting("follow", False)
        st.toggle(
            "Follow me",
            key="_follow_me",
            on_change=_follow,
            args=(room,),
            help="Every learner’s screen goes to the page and view that you open.",
        )
        st.button(
            "Offer this view",
            key="_offer_view",
            icon=":material/screen_share:",
            on_click=ask,
            kwargs={"at_once": False},
            help="Every learner gets a button that leads to what you see now.",
        )


@st.fragment(run_every=EVERY_SECONDS)
def _show_who_is_here(room: Room) -> None:
    here = sum(member.is_here for member in room.members())
    st.caption(f"Class · {here} {'learner' if here == 1 else 'learners'} here")


def lead(room: Room, page: StreamlitPage) -> None:
    """Show this view to the class, if it was asked for or the class follows."""
    path = _path_of(page)
    at_once = st.session_state.pop(_ASKED, None)
    is_followed = room.setting("follow", False)
    if path is None or (at_once is None and not is_followed):
        return
    values, query = _seen()
    view = View(0, path, page.title, values, query, bool(at_once) or is_followed)
    if at_once is None and st.session_state.get(_SHOWN) == view:
        return
    st.session_state[_SHOWN] = view
    show_view(room, view)


def _seen() -> tuple[dict[str, Any], dict[str, str]]:
    """Return what widgets are set to, and what figures wrote into the address."""
    query = {key: st.query_params[key] for key in st.query_params}
    for key in _THEIR_OWN:
        query.pop(key, None)
    # A widget that is back at its default leaves the address, and is still shown.
    known: set[str] = st.session_state.setdefault(_KEYS, set(state.SHARED))
    known |= {key for key in query if key in st.session_state}
    values = {key: state.get(key) for key in known if state.get(key) is not None}
    own = {key: word for key, word in query.items() if key not in values}
    return plain_values(values), own


def _path_of(page: StreamlitPage) -> str | None:
    """Return the path of a page that learners have, too."""
    for each in course.PAGES:
        if page.url_path == ("" if each == course.HOME else each.name):
            return each.path
    return None


def ask(*, at_once: bool) -> None:
    """Show this view to the class at the end of the run. Call this from a callback."""
    st.session_state[_ASKED] = at_once


def _follow(room: Room) -> None:
    room.set("follow", bool(st.session_state["_follow_me"]))
    st.session_state.pop(_SHOWN, None)
