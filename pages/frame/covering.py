"""Covering what answers a prediction, until the learner has made it.

What is covered is not drawn at all, so that nothing of it is in the page's data.
"""

import os
from collections.abc import Callable

import streamlit as st

from pages.frame import course, progress, state

SWITCH = "cover"
"""The switch's key, in the session and in the URL."""


def is_on() -> bool:
    """Whether figures wait for a prediction: the reader's choice, or the server's.

    `MINIGPT_COVER=off` shows every figure at once to whoever has not chosen. In the
    lesson of a study, the learner's arm decides.
    """
    if _by_study() is not None:
        return is_locked()
    return bool(st.session_state.get(SWITCH, _default()))


def is_locked() -> bool:
    """Whether nothing but a prediction uncovers a figure: so it is in a study's arm."""
    return _by_study() is True


def set_by_study(covers: bool | None) -> None:
    """Let a study decide: cover, or never cover; None: this session is in none now."""
    st.session_state["_cover_by_study"] = covers


def is_in_study() -> bool:
    """Whether this session's learner has something to do in a study now."""
    return _by_study() is not None


def _by_study() -> bool | None:
    return st.session_state.get("_cover_by_study")


def toggle() -> None:
    """Show the switch, in the sidebar of every page; in a study there is none."""
    if is_in_study():
        return
    st.toggle(
        "Predict before you see",
        value=_default(),
        key=SWITCH,
        help="Each lesson covers its figure until you have made a prediction.",
        **state.BOUND,
    )


def _default() -> bool:
    return os.environ.get("MINIGPT_COVER", "on") != "off"


def card(until: str = "once you have made your prediction") -> None:
    """Hold the place of a covered figure.

    Args:
        until: When it appears.
    """
    with st.container(border=True, key="covered"):
        st.markdown(
            f":material/visibility_off: The figure appears here {until}. A wrong guess "
            "does no harm: those who guess first remember better."
        )


def offer_to_show(show: Callable[..., None], *args: object) -> None:
    """Show the way past a prediction, unless a study closes it."""
    if is_locked():
        return
    st.button(
        "Just show me",
        key="_just_show_me",
        type="tertiary",
        icon=":material/visibility:",
        on_click=show,
        args=args,
    )


def aids_are_open() -> bool:
    """Whether code, origins and source are shown beside the figures of this lesson.

    One thing at a time: in a lesson they wait until a Check is answered, or asked for.
    """
    name = st.session_state.get("_page") or course.HOME.name
    if not is_on() or course.lesson_named(name) is None:
        return True
    if name in st.session_state.get("_aids_wanted", ()):
        return True
    answers = progress.of_session().lessons.get(name, {}).values()
    return any(
        given.said is None or not given.is_prediction
        for each in answers
        for given in each
    )


def offer_aids() -> None:
    """Show the button that opens code, origins and source before the Check."""
    if not aids_are_open():
        st.button(
            "Show the code, and where each number comes from",
            key="_open_aids",
            icon=":material/code_blocks:",
            type="tertiary",
            on_click=_open_aids,
        )


def _open_aids() -> None:
    wanted = st.session_state.setdefault("_aids_wanted", set())
    wanted.add(st.session_state.get("_page"))
