"""What every lesson repeats: how it opens, how it explains, where its source stands."""

import inspect
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import streamlit as st

import minigpt
from pages.frame import covering, recall

_ROOT = Path(minigpt.__file__).parents[1]


def open(title: str, goal: str) -> None:
    """Show the page's title and, in one line, what a reader will know afterwards.

    Args:
        title: As in the navigation.
        goal: One sentence. Markdown.
    """
    st.title(title, anchor=False)
    with st.container(key="lesson_goal"):
        st.markdown(goal)
    recall.warm_up(st.session_state.get("_page", ""))


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
    if code is not None:
        with code:
            source(*sources)


def source(*objects: type | Callable[..., object]) -> None:
    """Show the real source of classes and functions, closed until it is wanted."""
    with st.expander(
        "Show the source", icon=":material/code_blocks:", key="lesson_source"
    ):
        for each in objects:
            lines, first = inspect.getsourcelines(inspect.unwrap(each))
            path = Path(inspect.getfile(inspect.unwrap(each))).relative_to(_ROOT)
            st.caption(f"`{path.as_posix()}:{first}`")
            st.code(dedent("".join(lines)), language="python")
