"""What `app.py` asks of a class: who comes in, to which pages, and what they see there.

Without a class, all of this does nothing.
"""

from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from minigpt.classroom.screens import screens
from pages.frame import course
from pages.frame.guard import guard, show_note
from pages.frame.room import following, leading, seats

CLASSROOM: Final = "pages/classroom/classroom.py"
"""The teacher's page. Nobody else's navigation has it."""


def navigation() -> dict[str, list[StreamlitPage]]:
    """Return the pages by section: the course's, and the teacher's for the teacher."""
    pages = course.navigation()
    if seats.teacher() is not None:
        own = st.Page(CLASSROOM, title="Class", icon=":material/groups:")
        pages[course.HOME.section].append(own)
    return pages


def require_seat() -> None:
    """End the run here, unless there is no class or this session belongs to it."""
    if seats.room() is not None and seats.seat() is None:
        show_note("This is a class. Open the link that your teacher shows.")
        st.stop()


def run(page: StreamlitPage) -> None:
    """Run a page, unless the teacher has locked it."""
    found = seats.learner()
    if found is not None and page.url_path in screens(found[0]).locked:
        st.title(page.title, anchor=False)
        show_note("Your teacher has locked this page. Choose another one.")
        return
    page.run()


def show_teachers() -> None:
    """Show the teacher's controls, in the sidebar of every page."""
    room = seats.teacher()
    if room is not None:
        with st.sidebar, guard():
            leading.show(room)


def listen(page: StreamlitPage) -> None:
    """Show learners what the teacher shows, now and every few seconds."""
    found = seats.learner()
    if found is not None:
        following.listen(page.url_path, screens(found[0]).locked)


def lead(page: StreamlitPage) -> None:
    """Take the class along to where the teacher is, at the end of a run."""
    room = seats.teacher()
    if room is not None:
        leading.lead(room, page)
