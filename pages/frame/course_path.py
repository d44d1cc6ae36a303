"""The path through the course: what was done, where to go on, and what comes next."""

import streamlit as st

from minigpt.errors import DataError
from pages.frame import course, progress, progress_file, recall
from pages.frame.guard import show_problem
from pages.frame.progress import CourseProgress
from pages.frame.server.uploads import uploader

UNOPENED = ":material/radio_button_unchecked:"
OPENED = ":material/adjust:"
DONE = ":material/check_circle:"


def show() -> None:
    """Show all lessons in order, with what was answered, and the next one to open."""
    found = progress.of_session()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("The course", anchor=False, width="content")
        st.caption(_summary(found), width="content")
        st.space("stretch")
        _show_continue(found)
        with st.popover("Progress", icon=":material/bookmark:", type="tertiary"):
            _show_file(found)
    recall.reviews()
    with st.container(key="course_path"):
        for number, lesson in enumerate(course.LESSONS, start=1):
            with st.container(key=f"lesson_of_{lesson.name}"):
                label = f"{number} · {lesson.title}"
                st.page_link(lesson.path, label=label, icon=_icon(found, lesson.name))
                st.caption(_state(found, lesson.name) + lesson.aha)


def show_next(name: str) -> None:
    """Show the way to the lesson after this one; nothing where there is none.

    Args:
        name: The page's, in the URL; Home has none and leads to where to go on.
    """
    lesson = course.lesson_named(name)
    following = course.after(lesson) if lesson else None
    if following is not None:
        st.page_link(
            following.path,
            label=f"Next lesson: {following.title} →",
            icon=following.icon,
        )


def _summary(found: CourseProgress) -> str:
    lessons = [lesson.name for lesson in course.LESSONS]
    opened = sum(name in found.lessons for name in lessons)
    right, asked = (sum(map(of, lessons)) for of in (found.right, found.asked))
    told = f" · {right} of {asked} questions right" if asked else ""
    return f"{opened} of {len(lessons)} lessons opened{told}"


def _show_continue(found: CourseProgress) -> None:
    following = found.next_lesson()
    if following is None:
        st.caption("Every lesson is done.")
        return
    word = "Continue" if found.here else "Begin"
    label = f"{word}: {following.title}"
    st.page_link(
        following.path,
        label=label,
        icon=":material/play_arrow:",
        query_params=found.place if found.here == following.name else None,
    )


def _icon(found: CourseProgress, name: str) -> str:
    if found.is_done(name):
        return DONE
    return OPENED if name in found.lessons else UNOPENED


def _state(found: CourseProgress, name: str) -> str:
    """Put a lesson's icon into words."""
    if name not in found.lessons:
        return ""
    if not found.asked(name):
        return "**Opened.** "
    return f"**{found.right(name)} of {found.asked(name)} right.** "


def _show_file(found: CourseProgress) -> None:
    """Offer progress as a file, take one, and let the reader start over."""
    st.caption(
        "Your answers are kept by this browser, on this computer. Download a file to "
        "take them elsewhere."
    )
    st.download_button(
        "Download",
        progress_file.to_json(found),
        "minigpt-progress.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    uploader(
        "Continue from a file",
        megabytes=1,
        type="json",
        key="_progress_file",
        on_change=_take_file,
        help="It replaces your present progress.",
    )
    if problem := st.session_state.get("_progress_problem"):
        show_problem(problem)
    st.button(
        "Start over",
        icon=":material/restart_alt:",
        on_click=progress.start_over,
        help="Clears which lessons you opened and what you answered.",
    )


def _take_file() -> None:
    """Read an uploaded file, or remember what is wrong with it."""
    file = st.session_state["_progress_file"]
    st.session_state.pop("_progress_problem", None)
    if file is None:
        return
    try:
        st.session_state["_progress"] = progress_file.from_json(file.getvalue())
    except DataError as error:
        st.session_state["_progress_problem"] = str(error)
