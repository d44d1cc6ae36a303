"""A learner's page, looking every few seconds what the teacher shows and allows."""

from contextlib import suppress

import streamlit as st

from minigpt.classroom import votes
from minigpt.classroom.screens import Screens, View, screens
from minigpt.classroom.votes import Vote
from minigpt.errors import RoomError
from pages.frame import covering, state
from pages.frame.guard import guard
from pages.frame.room import ballot, seats
from pages.frame.words import plain

EVERY_SECONDS = 2
_KNOWN, _VOTE = "_view_known", "_vote_known"
"""The last view that this session went to or declined, and the question it showed."""


def listen(page: str, locked: tuple[str, ...]) -> None:
    """Look now, and again every few seconds.

    Args:
        page: The page that is open, by its name in the URL.
        locked: The locked pages, as this run has found them.
    """
    with st.container(key="class_follow"):
        _look(page, locked)


@st.fragment(run_every=EVERY_SECONDS)
def _look(page: str, locked: tuple[str, ...]) -> None:
    found = seats.learner()
    if found is None or state.is_leaving():
        st.rerun()  # no longer of the class; or a click here asked for another page
    with guard():
        room, member = found
        with suppress(RoomError):  # a full disk: the class can go on nevertheless
            room.note(member, page)
        now = screens(room)
        if (page in now.locked) != (page in locked):
            st.rerun()
        if covering.is_in_study():
            return  # a test is not to be interrupted
        _show(now)
        vote = votes.current(room)
        if _was_revealed(vote) and vote is not None and vote.page == page:
            st.rerun()  # the figure below is uncovered
        if vote is not None:
            ballot.show(room, member, vote)


def _was_revealed(vote: Vote | None) -> bool:
    """Whether the answer was revealed since this session looked last."""
    now = None if vote is None else (vote.id, vote.is_open)
    before = st.session_state.get(_VOTE)
    st.session_state[_VOTE] = now
    return now is not None and not now[1] and before == (now[0], True)


def _show(now: Screens) -> None:
    """Go to the view that the teacher shows, or offer it."""
    view = now.view
    # What was shown before this session began is over, unless the class still follows.
    before = 0 if view is None or now.follow else view.number
    known = st.session_state.setdefault(_KNOWN, before)
    if view is None or view.number == known:
        return
    if view.at_once:
        _go(view)
        st.rerun()
    with st.container(border=True, key="class_offer", horizontal=True):
        st.markdown(f"Your teacher shows **{plain(view.title)}**.", width="stretch")
        st.button(
            "Go there", key="_go_view", type="primary", on_click=_go, args=(view,)
        )
        st.button("Not now", key="_decline_view", on_click=_decline, args=(view,))


def _go(view: View) -> None:
    _decline(view)
    state.open_view(view.page, view.values, view.query)


def _decline(view: View) -> None:
    st.session_state[_KNOWN] = view.number
