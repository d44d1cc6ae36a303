"""Answers before and after: held-out questions, both models' words, and the count."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.config import GenerationConfig
from minigpt.datasets.tales.words import Split
from minigpt.finetuning.answering import reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.held_out_answers import (
    SHORT,
    Answered,
    Right,
    by_kind,
    count_right,
)
from minigpt.tokenizers.chat import Message
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame import notebook, state
from pages.frame.words import plain
from viz.finetuning import right_answers_bars, right_answers_table

FIRST, MORE, MOST = 6, 12, 60
"""Questions asked at first, more at a time, and in all."""
SETTINGS = (
    f"GenerationConfig(strategy={SHORT.strategy!r}, "
    f"max_new_tokens={SHORT.max_new_tokens})"
)
NOBODY = "without reading"
KNOWN, NEW = "words it knows", "words it never met"
WORDS: dict[str, Split] = {KNOWN: "held_out", NEW: "new"}


def show(shown: Both, row: DeltaGenerator) -> None:
    """Show three answers to questions about stories that neither model has read.

    Args:
        shown: The models.
        row: Where the questions are chosen.
    """
    with row:
        split = WORDS[_choose_words()]
    answered = _ask(shown, split, st.session_state.get(_asked_key(split), FIRST))
    with row:
        each = _choose(answered)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_one(shown, each)
    with right:
        _show_count(shown, answered, split)
    _show_both_kinds_of_words(shown, answered, split)
    st.table([_row(shown, each) for each in answered])


def _choose_words() -> str:
    chosen: str = st.segmented_control(
        "Stories in",
        list(WORDS),
        default=next(iter(WORDS)),
        required=True,
        key="answers_words",
        **state.BOUND,
        help="Neither model has read any of these stories. The second kind is about "
        "people, things and places that no training text ever named.",
    )
    return chosen


def _asked_key(split: Split) -> str:
    return f"_questions_{split}"


def _ask(shown: Both, split: Split, number: int) -> list[Answered]:
    """Ask question by question, and say how far it is."""
    bar = st.empty()
    answered = []
    for place in range(number):
        bar.progress(place / number, f"Question {place + 1} of {number} …")
        answered.append(numbers.answered(shown, place, split))
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
        **state.BOUND,
    )
    return answered[number - 1]


def names_of(shown: Both) -> tuple[str, str, str]:
    """Return what the three ways of answering are called, the tuned model last."""
    base = shown.base_name
    return f"{base}, as a story asks", f"{base}, same tokens", shown.tuning.id


def _show_one(shown: Both, each: Answered) -> None:
    """Show a story, the question, and the three answers."""
    st.text(each.asked.story)
    st.markdown(f"**{plain(each.asked.question.text)}**")
    story, base, tuned = names_of(shown)
    for name, said, is_right in (
        (base, each.base, each.base_is_right),
        (tuned, each.tuned, each.tuned_is_right),
        (story, each.story, each.story_is_right),
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


def _show_count(shown: Both, answered: list[Answered], split: Split) -> None:
    """Show how many were right, beside the base and beside not reading."""
    names = names_of(shown)
    order = [NOBODY, *names]
    table = right_answers_table(
        [
            (
                f"{kind.kind} ({kind.number})",
                {NOBODY: kind.without_reading}
                | {
                    name: right / kind.number
                    for name, right in zip(
                        names, (kind.story, kind.base, kind.tuned), strict=True
                    )
                },
            )
            for kind in by_kind(answered, numbers.questions(shown, split))
        ]
    )
    found = count_right(answered)
    st.markdown(
        f"On the **same tokens**, {plain(shown.base_name)} has **{found.base} of "
        f"{found.number}** right word for word, {plain(shown.tuning.id)} "
        f"**{found.tuned}**. Asked as a story asks, the base has **{found.story}**."
    )
    st.vega_lite_chart(right_answers_bars(table, order).spec)
    st.caption(
        f"*{NOBODY}*: the best of four ways to pick a word of the right kind from "
        "the story while ignoring the question; on 150 questions."
    )
    if len(answered) < MOST:
        st.button(
            f"Ask {MORE} more",
            icon=":material/add:",
            on_click=_ask_more,
            args=(split, len(answered)),
            help="More questions make the numbers more reliable.",
        )


def _ask_more(split: Split, number: int) -> None:
    st.session_state[_asked_key(split)] = min(MOST, number + MORE)


def _show_both_kinds_of_words(
    shown: Both, answered: list[Answered], split: Split
) -> None:
    """Show what was counted in words that are known, beside words never met."""
    counted = st.session_state.setdefault("_answers_counted", {})
    who = str(shown.after_path)
    counted[who, split] = count_right(answered)
    st.table(
        [
            _count_row(shown, words, counted.get((who, each)))
            for words, each in WORDS.items()
        ]
    )


def _count_row(shown: Both, words: str, found: Right | None) -> dict[str, str]:
    story, base, tuned = map(plain, names_of(shown))
    if found is None:
        return {"stories in": words} | dict.fromkeys((base, tuned, story), "not asked")
    return {
        "stories in": words,
        base: f"{found.base} of {found.number}",
        tuned: f"{found.tuned} of {found.number}",
        story: f"{found.story} of {found.number}",
    }


def _row(shown: Both, each: Answered) -> dict[str, str]:
    """Return a row of the table; it wraps, so that no answer is cut off."""
    story, base, tuned = names_of(shown)
    return {
        "question": plain(each.asked.question.text),
        "right": plain(each.asked.question.answer),
        plain(base): _marked(each.base, each.base_is_right),
        plain(tuned): _marked(each.tuned, each.tuned_is_right),
        plain(story): _marked(each.story, each.story_is_right),
    }


def _marked(said: str, is_right: bool) -> str:
    return f"{'✓' if is_right else '✗'} {plain(said)}"
