"""A study in a box: two arms, three tests, and what the difference between them is."""

import time
from datetime import date, timedelta

import streamlit as st

from minigpt.classroom.room import Room
from minigpt.classroom.study import studies
from minigpt.errors import MinigptError
from pages.classroom import study_items, study_links, study_results
from pages.frame import course, models, state
from pages.frame.guard import show_problem
from pages.frame.room.part import day_of

_SAID = "_study_set_up_said"
DAYS = 7


def show(room: Room) -> None:
    """Show the study of this class, or what starts one."""
    found = studies.current(room)
    if found is None:
        _show_set_up(room)
    else:
        lesson = course.lesson_named(found.lesson) or course.HOME
        day = day_of(found.later)
        st.subheader(f"Study: {lesson.title}, with {found.model}", anchor=False)
        st.caption(
            f"Test, lesson, test; and a third test, by the same link, from {day} on."
        )
        left, right = st.columns([3, 2], gap="large")
        with right:
            study_links.show(found)
        with left:
            study_results.show(room, found)
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)


def _show_set_up(room: Room) -> None:
    st.subheader("A study in a box", anchor=False)
    st.markdown(
        "Do your learners learn more if they must predict before they see? Half of "
        "them have the figures of one lesson **locked** until they commit to a "
        "prediction; for the others all is **free** to see. A test before the lesson, "
        "one right after it and one some days later, of 12 items each, tell what they "
        "gained. The items are drawn from the model, and none comes twice."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lesson, model = _choose_lesson(), _choose_model()
        today = date.today()
        later = st.date_input(
            "Last test, from",
            today + timedelta(days=DAYS),
            min_value=today,
            key="_study_later",
        )
        if st.button(
            "Start the study",
            type="primary",
            icon=":material/science:",
            key="_study_start",
        ):
            _start(room, lesson, model, later)


def _choose_lesson() -> str:
    titles = {each.name: each.title for each in study_items.lessons()}
    names = list(titles)
    return st.selectbox(
        "Lesson",
        names,
        names.index("attention"),
        titles.__getitem__,
        key="study_lesson",
        **state.BOUND,
    )


def _choose_model() -> str:
    known = [each.id for each in models.entries() if _is_for_all(each.kind)]
    here = models.chosen_entry().id
    return st.selectbox(
        "Model",
        known,
        known.index(here) if here in known else 0,
        key="study_model",
        help="Those that the whole class can open.",
        **state.BOUND,
    )


def _is_for_all(kind: str) -> bool:
    return kind in ("shipped", "shared")


def _start(room: Room, lesson: str, model: str, later: date) -> None:
    entry = next(each for each in models.entries() if each.id == model)
    moment = time.mktime(later.timetuple())
    try:
        with st.spinner("Drawing 36 items from the model …"):
            forms = study_items.draw(
                next(each for each in course.LESSONS if each.name == lesson), entry
            )
        studies.start(room, lesson, model, moment, forms)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
    st.rerun()
