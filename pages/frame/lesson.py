"""What every lesson repeats: how it opens, how it explains, where its source stands."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.frame import covering, glossary, recall
from pages.frame.look import present
from pages.frame.look.source import source_of


def open(title: str, goal: str) -> DeltaGenerator:
    """Show the page's title and, in one line, what a reader will know afterwards.

    Args:
        title: As in the navigation.
        goal: One sentence. Markdown.

    Returns:
        Where the page's tour can be offered (`tour.offer`).
    """
    if present.is_on():  # a line of its own would be a line less of figure
        with _row():
            st.title(title, anchor=False, width="stretch")
            place = st.container(width="content")
        _show_goal(goal)
    else:
        st.title(title, anchor=False)
        with _row():
            _show_goal(goal)
            place = st.container(width="content")
    recall.warm_up(st.session_state.get("_page", ""))
    return place


def _row() -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center")


def _show_goal(goal: str) -> None:
    with st.container(key="lesson_goal", width="stretch"):
        st.markdown(goal)


def explain(words: str, *sources: type | Callable[..., object]) -> None:
    """Explain the figures, with the real source beside it.

    Args:
        words: Markdown, at most 120 words; what a user or model wrote goes through
            `words.plain`.
        sources: The classes and functions of `minigpt` that do it.
    """
    if not covering.aids_are_open():
        sources = ()
    text, code = st.columns([3, 2], gap="large") if sources else (st.container(), None)
    with text:
        st.subheader("What you see", anchor=False)
        st.markdown(words)
        glossary.offer(words)
    if code is not None:
        with code:
            source(*sources)


def formula(latex: str, in_words: str) -> None:
    """Offer the formula behind the words: closed, until a reader wants it.

    Args:
        latex: The formula.
        in_words: What each of its symbols is, as it would be read aloud. Markdown.
    """
    with st.expander("As a formula", icon=":material/function:"):
        st.latex(latex)
        st.markdown(in_words)


def source(*objects: type | Callable[..., object]) -> None:
    """Show the real source of classes and functions, once it is opened.

    Colouring code is a third of the browser's work when a page opens.
    """
    box = st.expander(
        "Show the source",
        icon=":material/code_blocks:",
        key="lesson_source",
        on_change="rerun",
    )
    with box:
        for each in objects if box.open else ():
            shown = source_of(each)
            st.caption(f"`{shown.place}`")
            st.code(shown.text, language="python")
