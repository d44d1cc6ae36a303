"""Who a session belongs to, in a class: asked of the browser's cookie at every run.

A session is its browser's for good. Whoever takes over a session of another browser, by
its id, is refused.
"""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from minigpt.classroom.opened import opened
from minigpt.errors import RoomError
from minigpt.spaces import Space

if TYPE_CHECKING:
    from minigpt.classroom.room import Room, Seat

_SEAT = "_seat"
"""Where the session keeps the secret of its browser."""


def room() -> "Room | None":
    """Return the class of this server; None without one."""
    found = opened()
    return None if found is None else found.room


def seat() -> "Seat | None":
    """Return who this session belongs to; None without a class, or for nobody of it."""
    found = opened()
    if found is None:
        return None
    # Without headers there is no connection at the moment: the run goes on as it began.
    is_connected = bool(st.context.headers.to_dict())
    shown = st.context.cookies if is_connected else {found.cookie: _bound()}
    cookie = shown.get(found.cookie)
    here = found.room.seat(cookie)
    if here is None or st.session_state.setdefault(_SEAT, cookie) != cookie:
        return None
    return here


def _bound() -> str | None:
    return st.session_state.get(_SEAT)


def teacher() -> "Room | None":
    """Return the class, if this session is its teacher's."""
    here = seat()
    return room() if here is not None and here.is_teacher else None


def learner() -> "tuple[Room, str] | None":
    """Return the class and a learner's id, if this session is a learner's."""
    here, found = seat(), room()
    if here is None or here.member is None or found is None:
        return None
    return found, here.member


def space() -> Space | None:
    """Return the space of this session, for `minigpt.spaces`.

    Raises:
        RoomError: If there is a class, and this session belongs to nobody of it.
    """
    found = room()
    if found is None or get_script_run_ctx(suppress_warning=True) is None:
        return None
    here = seat()
    if here is None:
        raise RoomError(
            "You are not in this class. Open the link that your teacher shows."
        )
    return found.space_of(here.member)
