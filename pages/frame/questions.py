"""Predict and Check: commit to a guess, and let the model grade it.

A question's answer is computed from the model and prompt of this moment, never stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from pages.frame import progress
from pages.frame.look import present
from pages.frame.words import plain


@dataclass(frozen=True)
class Question:
    """One question with a choice of answers, one of them right."""

    id: str
    """Page and name: `attention.strongest`. Progress is kept under it."""
    text: str
    """Markdown; put what a user or model wrote through `words.plain`."""
    options: Sequence[str]
    """Plain texts, shown as they are."""
    answer: int
    """Which option is right, computed from the model."""
    why: str
    """What the model's numbers say, shown with the verdict. Markdown."""

    @property
    def fingerprint(self) -> str:
        """Tells this question from the same one about another model or prompt."""
        content = (self.id, self.text, *self.options, self.answer, self.why)
        return sha256(repr(content).encode()).hexdigest()[:12]


def predict(question: Question) -> None:
    """Ask before the reader plays: a guess first.

    On a projector the question is one line that opens, so that the figure below it is
    in sight.
    """
    if present.is_on():
        title = f"**Predict.** {question.text}"
        with st.expander(title, key=f"predict_{question.fingerprint}"):
            _answer(question)
        return
    with st.container(border=True, key=f"predict_{question.fingerprint}"):
        st.markdown(f"**Predict.** {question.text}")
        _answer(question)


def check(questions: Sequence[Question]) -> None:
    """Ask at the end of a lesson."""
    if not questions:
        return
    with st.container(key="check"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Check", anchor=False, width="content")
            summary = st.container(width="content")
        right = 0
        for column, question in zip(st.columns(len(questions)), questions, strict=True):
            key = f"check_{question.fingerprint}"
            with column, st.container(border=True, height="stretch", key=key):
                st.markdown(question.text)
                right += _answer(question)
        summary.caption(f"{right} of {len(questions)} right · graded by this model")


def _answer(question: Question) -> bool:
    """Show a question's options and the verdict; return whether it is right."""
    progress.ask(question.id)
    options = [plain(option.replace("\n", "⏎")) for option in question.options]
    chosen = st.radio(
        question.text,
        range(len(options)),
        index=None,
        format_func=options.__getitem__,
        # Another model or prompt makes another question, with no answer yet.
        key=f"_answer_{question.fingerprint}",
        label_visibility="collapsed",
        horizontal=sum(map(len, options)) < 48,
    )
    if chosen is None:
        return False
    right = chosen == question.answer
    progress.answer(question.id, right)
    with st.container(key=f"{'right' if right else 'wrong'}_{question.fingerprint}"):
        verdict = (
            "**✓ Right.**"
            if right
            else f"**✗ Not quite: the answer is “{options[question.answer]}”.**"
        )
        st.markdown(f"{verdict} {question.why}")
    return right
