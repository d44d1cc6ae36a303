"""A text of a learner's model, shown to the class: offered, shown, taken back."""

from collections.abc import Callable

import streamlit as st

from minigpt.classroom import gallery
from minigpt.errors import MinigptError
from pages.frame.guard import show_problem
from pages.frame.room import seats

_SAID = "_showing_said"


def offer(model: str, prompt: str, text: str) -> None:
    """Offer to show a text, or to take it back.

    Args:
        model: What the model is called.
        prompt: What it was given.
        text: What it wrote.
    """
    found = seats.learner()
    if found is None or not text.strip():
        return
    room, member = found
    shown = gallery.find(room, member, prompt, text)
    with st.container(horizontal=True, vertical_alignment="center", key="show_class"):
        if shown is None:
            st.button(
                "Show it to the class",
                key="_show_text",
                icon=":material/groups:",
                on_click=_do,
                args=(gallery.show, room, member, model, prompt, text),
                help="Your teacher’s board shows it, under your name. You can take it "
                "back.",
            )
        else:
            st.caption("The class’s board shows it, under your name.", width="content")
            st.button(
                "Take it back",
                key="_take_back_text",
                type="tertiary",
                icon=":material/undo:",
                on_click=_do,
                args=(gallery.take_back, room, shown, member),
            )
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)


def _do(action: Callable[..., None], *arguments: object) -> None:
    try:
        action(*arguments)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
