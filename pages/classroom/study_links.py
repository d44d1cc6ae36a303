"""The ways into a study: one link that draws the arm, or one link for each arm."""

from collections.abc import Sequence

import streamlit as st

from minigpt.classroom import addresses
from minigpt.classroom.study.design import ARMS
from minigpt.classroom.study.studies import BY_LOT, Study
from pages.frame import state

_WAYS = {"One link, arms by lot": (BY_LOT,), "A link for each arm": ARMS}
_NAMES = {
    BY_LOT: "For all. Each is put in one of the arms, in random blocks of four.",
    "locked": "**Locked**: predict before you see.",
    "free": "**Free**: all can be seen at once.",
}


def show(study: Study) -> None:
    """Show the links that learners come in by, to be typed or scanned."""
    way = st.segmented_control(
        "Links",
        list(_WAYS),
        default=next(iter(_WAYS)),
        required=True,
        key="study_way",
        label_visibility="collapsed",
        **state.BOUND,
    )
    links: Sequence[str] = _WAYS[way]
    for column, link in zip(st.columns(len(links)), links, strict=True):
        with column:
            root = st.session_state.get("join_at", "")
            address = f"{root}/take/{study.links[link]}"
            st.markdown(_NAMES[link])
            st.image(addresses.picture(address), width=200)
            st.code(address, language=None, wrap_lines=True)
    st.caption(
        "No name is asked. Each gets a code, which brings them back in another "
        "browser. The links stay as they are when the app is started again."
    )
