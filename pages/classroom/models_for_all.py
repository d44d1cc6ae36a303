"""Models that the whole class can open, besides those that ship."""

import streamlit as st

from minigpt.classroom import gifts
from minigpt.classroom.room import Room
from minigpt.errors import MinigptError
from pages.frame import models, state
from pages.frame.guard import show_problem

_SAID = "_shared_said"


def show(room: Room) -> None:
    """Show what is shared, and let the teacher share a model of their own."""
    st.subheader("Models for all", anchor=False)
    shared = gifts.shared(room)
    if not shared:
        st.caption(
            "Only those that ship with the app. Share one of yours here, or a "
            "learner’s in the list."
        )
    for name in shared:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(name, width="stretch")
            st.button(
                "Take back",
                key=f"take_back_{name}",
                type="tertiary",
                on_click=_do,
                args=("take back", room, name),
            )
    own = [each.id for each in models.entries() if each.kind in ("brought", "run")]
    if own:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "A model of yours", own, key="to_share", **state.BOUND
            )
            st.button(
                "Share it",
                key="share_own",
                icon=":material/share:",
                on_click=_do,
                args=("share", room, chosen),
            )
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)


def _do(action: str, room: Room, name: str) -> None:
    try:
        if action == "share":
            gifts.share(room, None, name, by="the teacher")
        else:
            gifts.take_back(room, name)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
