"""The end of the class: everything that learners made and answered is deleted."""

import streamlit as st

from minigpt.classroom import ending
from minigpt.classroom.room import Room
from minigpt.errors import MinigptError
from pages.frame.guard import show_problem

_SAID = "_ended_said"


def show(room: Room) -> None:
    """Show the way to end the class, in two steps."""
    st.subheader("The end", anchor=False)
    with st.popover("End the class", icon=":material/delete_forever:"):
        st.markdown(
            "Stops all runs, and deletes every learner with their runs, texts and "
            "answers, and the models you shared. Your own work stays. The links become "
            "new, for the next class. **It cannot be undone.**"
        )
        st.button(
            "Delete everything of this class",
            type="primary",
            key="end_class",
            on_click=_end,
            args=(room,),
        )
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)


def _end(room: Room) -> None:
    try:
        ending.wipe(room)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
