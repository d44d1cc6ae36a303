"""Predict and Check: commit to a guess, and let the model grade it.

A question's answer is computed from the model and prompt of this moment, never stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.frame.words import plain


@dataclass(frozen=True)
class Question:
    """One question with a choice of answers, one of them right."""

    id: str
    """Page and name: `attention.strongest`. Progress is kept under it."""
    text: str
    """Markdown; put what a user or model wrote through `words.plain`."""
    options: Sequence[str]
    """Plain texts, all different."""
    answer: int
    """Which option is right, computed from the model."""
    why: str
    """What the model's numbers say, shown with the verdict. Markdown."""


def predict(question: Question) -> None:
    """Ask before the reader plays: a guess first."""
    with st.container(border=True, key=f"predict_{question.id.replace('.', '_')}"):
        st.markdown(f"**Predict.** {question.text}")
        _answer(question)


def check(questions: Sequence[Question]) -> None:
    """Ask at the end of a lesson."""
    st.subheader("Check", anchor=False)
    for column, question in zip(
        st.columns(max(1, len(questions))), questions, strict=False
    ):
        with column, st.container(border=True):
            st.markdown(question.text)
            _answer(question)


def _answer(question: Question) -> None:
    options = [plain(option) for option in question.options]
    chosen = st.radio(
        "Your answer",
        options,
        index=None,
        key=f"_answer_{question.id}",
        label_visibility="collapsed",
        horizontal=max(map(len, options)) < 12,
    )
    if chosen is None:
        return
    right = options.index(chosen) == question.answer
    progress = st.session_state.setdefault("_progress", {})
    progress[question.id] = progress.get(question.id, False) or right
    verdict = "✓ Right." if right else f"✗ The model says: {options[question.answer]}."
    st.markdown(f"**{verdict}** {question.why}")
