"""The end of a lesson: the way to the next, and this one on paper or in a file."""

import streamlit as st

from pages.frame import course, course_path, models, state
from pages.frame.controls import sharing, take_away
from pages.frame.look import present
from viz.components.print_button.view import print_button


def show(name: str) -> None:
    """End a lesson: the way to the next one, and two ways to take this one along.

    Args:
        name: The page's path in the URL; empty for Home.
    """
    if not name and not present.is_on():  # Home, which then fills the screen
        with st.container(horizontal=True):
            take_away.show("home")
    if course.lesson_named(name) is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="lesson_end"):
        print_button("Print this lesson", key="print_lesson")
        take_away.show(name)
        course_path.show_next(name)
    with st.container(key="print_only"):
        st.text(f"{_about_the_model()}{sharing.link(name)}")


def _about_the_model() -> str:
    """Say which model and prompt the printed numbers are of."""
    if not models.entries():
        return ""
    entry = models.chosen_entry()
    step = state.get("step")
    at = "" if step is None else f", training step {step}"
    prompt = state.get("prompt", state.DEFAULT_PROMPT)
    return f"Model {entry.id}{at}. Prompt: {prompt}\n"
