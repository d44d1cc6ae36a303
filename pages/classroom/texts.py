"""What the learners' models wrote, where the learners agreed to show it."""

import streamlit as st

from minigpt.classroom import gallery
from minigpt.classroom.gallery import ShownText
from minigpt.classroom.room import Room
from minigpt.errors import MinigptError
from pages.frame.guard import guard, show_problem
from pages.frame.words import plain

EVERY_SECONDS = 5
SHOWN = 12
_SAID = "_gallery_said"


@st.fragment(run_every=EVERY_SECONDS)
def show(room: Room) -> None:
    """Show the latest texts, each with whose model wrote it."""
    with guard():
        found = gallery.shown(room)
        if not found:
            return
        st.subheader(f"Gallery · {len(found)}", anchor=False)
        if problem := st.session_state.pop(_SAID, None):
            show_problem(problem)
        with st.container(height=420 if len(found) > 2 else "content"):
            for each in found[:SHOWN]:
                _show_one(room, each)
        if len(found) > SHOWN:
            st.caption(f"The latest {SHOWN}; the CSV has all.")


def _show_one(room: Room, text: ShownText) -> None:
    with st.container(border=True, key=f"shown_{text.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(text.name)}** · {plain(text.model)}", width="stretch"
            )
            st.button(
                "Remove",
                key=f"remove_text_{text.id}",
                type="tertiary",
                on_click=_remove,
                args=(room, text.id),
            )
        st.markdown(f"{_lines(text.prompt)}:blue[{_lines(text.text)}]")


def _lines(text: str) -> str:
    """Return Markdown that shows a text in one paragraph, so that its colour holds."""
    return plain(text).replace("\n", " ⏎ ")


def _remove(room: Room, number: int) -> None:
    try:
        gallery.take_back(room, number)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
