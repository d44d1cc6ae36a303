"""Study: a learner's way through three tests and a lesson. No answer is told.

It is no lesson: `pages/frame/room/entrance.py` adds it for those who take part.
"""

import time

import streamlit as st

from minigpt.classroom.room import Room
from minigpt.classroom.study import participants, responses
from minigpt.classroom.study.design import LENGTH, TESTS, Test
from minigpt.classroom.study.participants import Participant
from minigpt.classroom.study.responses import Asked
from minigpt.classroom.study.studies import Study
from minigpt.errors import MinigptError, RoomError
from pages.frame import course, state
from pages.frame.guard import guard, show_note, show_problem
from pages.frame.room import part, seats
from pages.frame.words import plain

_SAID, _SHOWN = "_study_said", "_study_shown"
UNKNOWN = "I don’t know"


def show_test(room: Room, study: Study, who: Participant, test: Test) -> None:
    """Show a test's next item, with a button that goes on."""
    asked = responses.next_item(room, study, who, test)
    if asked is None:
        return
    place, item = asked
    number = TESTS.index(test) + 1
    st.progress(place / LENGTH, f"Test {number} of 3 · item {place + 1} of {LENGTH}")
    if place == 0:
        st.caption(
            "You are not told what was right, so that the next test can ask again. "
            "Where you do not know, say so: nobody is graded."
        )
    key = _key(who, test, place)
    if st.session_state.get(_SHOWN, ("", 0.0))[0] != key:
        st.session_state[_SHOWN] = key, time.time()
    options = [*map(plain, item.options), f"*{UNKNOWN}*"]
    with st.form(f"form{key}"):
        st.markdown(item.text)
        st.radio(
            item.text,
            range(len(options)),
            None,
            options.__getitem__,
            key=_key(who, test, place),
            label_visibility="collapsed",
        )
        st.form_submit_button(
            "Next" if place + 1 < LENGTH else "Finish this test",
            type="primary",
            on_click=_respond,
            args=(room, who, test, asked),
        )


def _key(who: Participant, test: Test, place: int) -> str:
    return f"_item_{who.id}_{test}_{place}"


def _respond(room: Room, who: Participant, test: Test, asked: Asked) -> None:
    choice = st.session_state.get(_key(who, test, asked.place))
    if choice is None:
        st.session_state[_SAID] = f"Choose an answer, or “{UNKNOWN}”."
        return
    known = choice if choice < len(asked.item.options) else None
    seconds = time.time() - st.session_state[_SHOWN][1]
    try:
        responses.respond(room, who, test, asked.place, known, seconds)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)


def show_way_to_lesson(room: Room, study: Study, who: Participant) -> None:
    """Show the way to the lesson, and on to the test after it."""
    lesson = course.lesson_named(study.lesson) or course.HOME
    st.markdown(
        f"Now the lesson **{lesson.title}**. Take the time that you need, with "
        "everything on its page. The second test comes after it, and the lesson is "
        "closed meanwhile."
    )
    with st.container(horizontal=True):
        st.button(
            "Open the lesson",
            type="secondary" if who.began else "primary",
            icon=":material/menu_book:",
            on_click=_open,
            args=(room, study, who, lesson),
        )
        if who.began:
            st.button(
                "I have finished it: to the test",
                type="primary",
                key="_study_ready",
                icon=":material/arrow_forward:",
                on_click=participants.mark,
                args=(room, who, "ready"),
            )


def _open(room: Room, study: Study, who: Participant, lesson: course.Lesson) -> None:
    participants.mark(room, who, "began")
    state.go_to(lesson.path, model=study.model)


def show_end(room: Room, study: Study, who: Participant, stage: str) -> None:
    """Say when the last test opens, or how the tests went."""
    if stage == "wait":
        show_note(
            f"Thank you. The last test opens on {part.day_of(study.later)}. Come back "
            "then by the same link: from this browser, or from another one with your "
            "code."
        )
        return
    own = next(each for each in responses.scores(room, study) if each.code == who.code)
    show_note(
        f"Thank you: all three tests are done. You had {own.before} of {LENGTH} right "
        f"before the lesson, {own.after} after it, and {own.later} in the last test."
    )


def show_leave(room: Room, who: Participant) -> None:
    """Let a learner leave the study, with all that they answered."""
    with st.popover("Leave the study", type="tertiary"):
        st.caption("Deletes all that you have answered in the study, for good.")
        st.button(
            "Leave, and delete my answers",
            key="_study_leave",
            on_click=_leave,
            args=(room, who),
        )


def _leave(room: Room, who: Participant) -> None:
    participants.leave(room, who)
    state.go_to(course.HOME.path)


found = seats.learner()
own = None if found is None else participants.part_of(*found)
if found is None or own is None:
    raise RoomError("You are in no study. Open the link that your teacher shows.")
room, (study, who) = found[0], own
st.title("Study", anchor=False)
st.caption(
    f"Your code is **{who.code}**. Write it down: nobody else knows that it is you."
)
with guard():
    stage = participants.stage_of(room, study, who)
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)
    if stage in TESTS:
        show_test(room, study, who, stage)
    elif stage == "lesson":
        show_way_to_lesson(room, study, who)
    else:
        show_end(room, study, who, stage)
    show_leave(room, who)
