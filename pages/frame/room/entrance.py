"""What `app.py` and Predict ask of a class: who is in, what they may open and see.

Without a class, all of this does nothing, and needs no database: what does is imported
only where there is one.
"""

from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.frame import course
from pages.frame.guard import guard, show_note
from pages.frame.progress import Answer
from pages.frame.room import seats

if TYPE_CHECKING:
    from pages.frame.questions import Question
    from pages.frame.room.part import Part

CLASSROOM: Final = "pages/classroom/classroom.py"
"""The teacher's page. Nobody else's navigation has it."""


def navigation() -> dict[str, list[StreamlitPage]]:
    """Return the pages by section: the course's, the teacher's, and a study's."""
    pages = course.navigation()
    if seats.teacher() is not None:
        own = st.Page(CLASSROOM, title="Class", icon=":material/groups:")
        pages[course.HOME.section].append(own)
    if _part() is not None:
        from pages.frame.room import part

        own = st.Page(part.PAGE, title="Study", icon=":material/science:")
        pages[course.HOME.section].append(own)
    return pages


def begin() -> None:
    """Note this session's part in a study. Called once a run, before everything."""
    if seats.room() is not None:
        from pages.frame.room import part

        part.note()


def require_seat() -> None:
    """End the run here, unless there is no class or this session belongs to it."""
    if seats.room() is not None and seats.seat() is None:
        show_note("This is a class. Open the link that your teacher shows.")
        st.stop()


def run(page: StreamlitPage) -> None:
    """Run a page, unless the teacher has locked it, or a study closes it."""
    own = _part()
    if own is not None and not own.may_open(page.url_path):
        st.title(page.title, anchor=False)
        return  # `listen` says why
    if page.url_path in _locked():
        st.title(page.title, anchor=False)
        show_note("Your teacher has locked this page. Choose another one.")
        return
    page.run()


def show_controls() -> None:
    """Show the teacher's controls, in the sidebar of every page."""
    room = seats.teacher()
    if room is not None:
        from pages.frame.room import leading

        with st.sidebar, guard():
            leading.show(room)


def listen(page: StreamlitPage) -> None:
    """Show learners what the teacher shows, and the teacher what learners answer."""
    room = seats.teacher()
    if room is not None:
        from pages.frame.room import board

        board.show(room)
    if seats.learner() is not None:
        from pages.frame.room import following, part

        part.point_back(page.url_path)
        following.listen(page.url_path, _locked())


def lead(page: StreamlitPage) -> None:
    """Take the class along to where the teacher is, at the end of a run."""
    room = seats.teacher()
    if room is not None:
        from pages.frame.room import leading

        leading.lead(room, page)


def offer_to_ask(question: "Question") -> None:
    """Show the teacher the button that asks the class what a lesson asks."""
    if seats.room() is not None:
        from pages.frame.room import asking

        asking.offer(question)


def is_asked(question: "Question") -> bool:
    """Whether the class is asked this now; then the page says so in its place."""
    if seats.room() is None:
        return False
    from pages.frame.room import asking

    return asking.is_under_way(question)


def outcome(question: "Question") -> Answer | None:
    """Return what the class, or this learner of it, answered, once it is revealed."""
    if seats.room() is None:
        return None
    from pages.frame.room import asking

    return asking.outcome(question)


def _part() -> "Part | None":
    """Return this session's part in a study; None without one, or without a class."""
    if seats.room() is None:
        return None
    from pages.frame.room import part

    return part.now()


def note_try(question: "Question", given: Answer) -> None:
    """Let the class's board count what a learner has answered in a Check."""
    if seats.room() is not None and not given.is_prediction:
        from pages.frame.room import noting

        noting.note(question, given)


def offer_to_show_text(model: str, prompt: str, text: str) -> None:
    """Offer a learner to show the class what a model wrote."""
    if seats.room() is not None:
        from pages.frame.room import showing

        showing.offer(model, prompt, text)


def _locked() -> tuple[str, ...]:
    """Return the pages that are locked for this session, by their names in the URL."""
    found = seats.learner()
    if found is None:
        return ()
    from minigpt.classroom.screens import screens

    return screens(found[0]).locked
