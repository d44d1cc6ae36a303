"""Answers to a file of one's own: what was learned beside what was held out."""

import streamlit as st

from minigpt.datasets.conversations import Conversation
from minigpt.finetuning.inspection.held_out_answers import OwnAnswer
from minigpt.preparation.finetuning import OwnFile
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame.words import plain

MOST = 40
"""Conversations asked about on each side: each takes a moment."""


def show(shown: Both, own: OwnFile) -> None:
    """Show both models' answers to the questions learned, and to those held out.

    Args:
        shown: The models.
        own: The file's conversations.
    """
    left, right = st.columns(2, gap="large")
    with left:
        learned = _ask(shown, own.learned, "learned")
    with right:
        unseen = _ask(shown, own.held_out, "unseen")
    with left:
        _show_side("Learned", "The model was trained on these.", shown, learned)
    with right:
        _show_side("Unseen", "These were held out of training.", shown, unseen)
    st.caption(
        "Greedy answers, stopped a few tokens after the right one’s length. A fact "
        "found only in a held-out line cannot be known, so failing there is not the "
        "model’s fault. A question asked in other words, whose answer was learned, "
        "shows whether it has learned more than the wording."
    )


def _ask(shown: Both, conversations: list[Conversation], what: str) -> list[OwnAnswer]:
    some = conversations[:MOST]
    bar = st.empty()
    answered = []
    for place, conversation in enumerate(some):
        bar.progress(
            place / len(some), f"Asking what is {what}: {place + 1} of {len(some)} …"
        )
        answered.append(numbers.replied(shown, conversation))
    bar.empty()
    return answered


def _show_side(
    title: str, meaning: str, shown: Both, answered: list[OwnAnswer]
) -> None:
    right = sum(each.is_right(each.tuned) for each in answered)
    before = sum(each.is_right(each.base) for each in answered)
    st.markdown(
        f"**{title}: {right} of {len(answered)}** right word for word; before, "
        f"**{before}**. {meaning}"
    )
    st.table([_row(shown, each) for each in answered])


def _row(shown: Both, each: OwnAnswer) -> dict[str, str]:
    """Return a row of the table; it wraps, so that no answer is cut off."""
    return {
        "asked": plain(each.conversation.prompt[-1].content),
        "right": plain(each.conversation.answer),
        plain(shown.tuning.id): _marked(each, each.tuned),
        plain(shown.base_name): _marked(each, each.base),
    }


def _marked(each: OwnAnswer, said: str) -> str:
    return f"{'✓' if each.is_right(said) else '✗'} {plain(said)}"
