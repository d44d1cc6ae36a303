"""What became of an answer: shown whole, or folded into one line.

All of it is plain text: it may come from a file.
"""

from collections.abc import Callable

import streamlit as st

from pages.frame.progress import Answer
from pages.frame.words import plain


def show(given: Answer) -> None:
    """Show an answer, the right one, and the reason."""
    with st.container(key=f"{_outcome(given)}_{given.item}"):
        st.markdown(
            f"{_said(given)}. {_verdict(given)} {plain(given.why)}",
            help=_when(given),
        )


def fold(given: Answer, question: str, offer_another: Callable[[], None]) -> None:
    """Show an answer in one line; the question and the reason are behind it.

    Args:
        given: The answer.
        question: What was asked. Markdown.
        offer_another: Shows the second chance, if there is one.
    """
    outcome = _outcome(given)
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="small",
        key=f"folded_{outcome}_{given.item}",
    ):
        st.markdown(f"{_said(given)} · {_verdict(given)}", width="content")
        with st.popover("More", type="tertiary"):
            st.markdown(question)
            with st.container(key=f"{outcome}_{given.item}"):
                st.markdown(f"{_verdict(given)} {plain(given.why)}", help=_when(given))
        offer_another()


def _when(given: Answer) -> str:
    return f"Answered on {given.at:%d %B %Y at %H:%M} UTC."


def _outcome(given: Answer) -> str:
    if given.said is None:
        return "shown"
    return "right" if given.right else "wrong"


def _said(given: Answer) -> str:
    if given.said is None:
        return "**You asked to be shown**"
    return f"You said “{plain(given.said)}”"


def _verdict(given: Answer) -> str:
    """Say whether an answer was right, and which one is. Markdown."""
    answer = f"“{plain(given.answer)}”"
    return {
        "right": "**✓ Right.**",
        "wrong": f"**✗ Not quite: the answer is {answer}.**",
        "shown": f"The answer is {answer}.",
    }[_outcome(given)]
