"""Answers before and after: held-out questions, both models' words, and the count."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.config import GenerationConfig
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.datasets.tales.instructions import Asked
from minigpt.finetuning.answering import reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.held_out_answers import Answered, by_kind
from minigpt.tokenizers.chat import Message
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame import notebook
from pages.frame.words import plain
from viz.finetuning import right_answers_bars, right_answers_table

FIRST, MORE, MOST = 6, 12, 60
"""Questions asked at first, more at a time, and in all."""
SETTINGS = "GenerationConfig(strategy='greedy', max_new_tokens=32)"
NOBODY = "without reading"


def show(
    shown: Both, held_out: list[Conversation | Preference], row: DeltaGenerator
) -> None:
    """Show both models' answers to questions that neither was trained on.

    Args:
        shown: The models.
        held_out: A file's own examples; empty where tales are learned.
        row: Where the question is chosen.
    """
    own = [one for one in held_out if isinstance(one, Conversation)]
    if own:
        _show_own(shown, own)
        return
    number = st.session_state.get("_questions", FIRST)
    answered = _ask(shown, number)
    left, right = st.columns([3, 2], gap="large")
    with row:
        each = _choose(answered)
    with left:
        _show_one(shown, each)
    with right:
        _show_count(shown, answered)
    st.dataframe(
        [_row(shown, each) for each in answered],
        hide_index=True,
        key="answers_table",
    )


def _ask(shown: Both, number: int) -> list[Answered]:
    """Ask question by question, and say how far it is."""
    bar = st.empty()
    answered = []
    for place in range(number):
        bar.progress(place / number, f"Question {place + 1} of {number} …")
        answered.append(numbers.answered(shown, place))
    bar.empty()
    return answered


def _choose(answered: list[Answered]) -> Answered:
    number = st.number_input(
        f"Question 1 to {len(answered)}",
        1,
        len(answered),
        1,
        key="question",
        width=150,
        help="These questions are about stories that neither model was trained on.",
        persist_state="session",
    )
    return answered[number - 1]


def _show_one(shown: Both, each: Answered) -> None:
    """Show a story, the question, and what both models say."""
    st.text(each.asked.story)
    st.markdown(f"**{plain(each.asked.question.text)}**")
    for name, said, is_right in (
        (shown.base_name, each.base, each.base_is_right),
        (shown.tuning.id, each.tuned, each.tuned_is_right),
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(
                f"{plain(name)} {'✓' if is_right else '✗'}",
                color="green" if is_right else "orange",
            )
            st.text(said or "(nothing)", width="stretch")
    prompt = [*each.asked.prompt]
    notebook.show(
        "answer",
        reply,
        f"tokenizer.encode(reply(model, tokenizer, {prompt}, {SETTINGS}))",
        drawn=shown.after.tokenizer.encode(each.tuned),
        begin=f"{shown.opening}model, tokenizer, _ = after\n",
        also=[GenerationConfig, Message, ready_to_chat],
    )


def _show_count(shown: Both, answered: list[Answered]) -> None:
    """Show how many were right, beside the base and beside not reading."""
    kinds = by_kind(answered, numbers.questions(shown))
    order = [NOBODY, shown.base_name, shown.tuning.id]
    table = right_answers_table(
        [
            (
                f"{kind.kind} ({kind.tuned.number})",
                dict(
                    zip(
                        order,
                        (
                            kind.without_reading,
                            None if kind.base is None else kind.base.share,
                            kind.tuned.share,
                        ),
                        strict=True,
                    )
                ),
            )
            for kind in kinds
        ]
    )
    right = sum(each.tuned_is_right for each in answered)
    before = sum(each.base_is_right for each in answered)
    st.markdown(
        f"**{right} of {len(answered)}** right word for word; before, **{before}**."
    )
    st.altair_chart(right_answers_bars(table, order))
    st.caption(
        f"*{NOBODY}*: the best of four ways to pick a word of the right kind from "
        "the story while ignoring the question; on 150 questions."
    )
    if len(answered) < MOST:
        st.button(
            f"Ask {MORE} more",
            icon=":material/add:",
            on_click=_ask_more,
            args=(len(answered),),
            help="More questions make the numbers more reliable.",
        )


def _ask_more(number: int) -> None:
    st.session_state["_questions"] = min(MOST, number + MORE)


def _row(shown: Both, each: Answered) -> dict[str, str]:
    asked: Asked = each.asked
    return {
        "question": asked.question.text,
        "right": asked.question.answer,
        shown.base_name: f"{'✓' if each.base_is_right else '✗'} {each.base}",
        shown.tuning.id: f"{'✓' if each.tuned_is_right else '✗'} {each.tuned}",
    }


def _show_own(shown: Both, held_out: list[Conversation]) -> None:
    """Show what both models answer in the held-out conversations of a file."""
    st.caption("Held-out conversations from your file, answered greedily.")
    rows = []
    right = [0, 0]
    some = held_out[:MORE]
    bar = st.empty()
    for place, conversation in enumerate(some):
        bar.progress(place / len(some), f"Answer {place + 1} of {len(some)} …")
        said = numbers.replied(shown, conversation)
        hits = [each == conversation.answer.strip() for each in said]
        right = [count + hit for count, hit in zip(right, hits, strict=True)]
        rows.append(
            {
                "asked": conversation.prompt[-1].content,
                "right": conversation.answer,
                shown.base_name: f"{'✓' if hits[0] else '✗'} {said[0]}",
                shown.tuning.id: f"{'✓' if hits[1] else '✗'} {said[1]}",
            }
        )
    bar.empty()
    st.markdown(
        f"**{right[1]} of {len(some)}** right word for word; before, **{right[0]}**."
    )
    st.dataframe(rows, hide_index=True, key="own_answers_table")
