"""A prediction in a classroom: the question large, and a count of hands."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from pages.frame.progress import Answer
from pages.frame.words import plain
from viz.classroom.votes import LETTERS

if TYPE_CHECKING:
    from pages.frame.questions import Question

Keep = Callable[["Question", Answer], None]


def show(question: "Question", keep: Keep) -> None:
    """Show a question with a field for the hands that each option gets.

    Args:
        question: With at most eight options.
        keep: Takes the class's answer once it is revealed: the option with the most
            hands, or none where nobody voted.
    """
    with st.container(key="class_vote"):
        st.markdown(question.text)
        columns = st.columns(len(question.options))
        for number, option in enumerate(question.shown):
            with columns[number]:
                st.markdown(f"**{LETTERS[number]}** {plain(option)}")
                st.number_input(
                    f"Hands for {LETTERS[number]}", 0, 500, key=_key(question, number)
                )
        st.button(
            "Reveal",
            type="primary",
            icon=":material/visibility:",
            key=f"_reveal_{question.fingerprint}",
            on_click=_reveal,
            args=(question, keep),
            help="The option with the most hands is the class's prediction; without "
            "any, the answer is just shown.",
        )


def _reveal(question: "Question", keep: Keep) -> None:
    numbers = range(len(question.options))
    hands = [st.session_state.get(_key(question, number), 0) for number in numbers]
    if not any(hands):
        keep(question, question.answered(None, is_prediction=True))
        return
    chosen = max(numbers, key=hands.__getitem__)
    given = question.answered(chosen, is_prediction=True)
    told = f"{given.said} ({hands[chosen]} of {sum(hands)} hands)"
    keep(question, given.model_copy(update={"said": told}))


def _key(question: "Question", number: int) -> str:
    return f"_hands_{question.fingerprint}_{number}"
