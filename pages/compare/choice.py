"""Which two models are compared, and on which text."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.library.catalogue import ModelEntry
from pages.frame import models, state
from pages.frame.corpora import held_out_text
from pages.frame.guard import show_problem

PROMPT, HELD_OUT = "Prompt", "Held-out text"


@dataclass(frozen=True)
class Side:
    """One of the two models, at one step."""

    entry: ModelEntry
    step: int | None
    checkpoint: Checkpoint
    path: Path

    @property
    def name(self) -> str:
        """`tales`, or `induction at step 120`."""
        moments = len(self.entry.steps) > 1
        return f"{self.entry.id} at step {self.step}" if moments else self.entry.id


@dataclass(frozen=True)
class ComparedText:
    """What both models read."""

    content: str
    is_prompt: bool
    """Whether it is the prompt of every page, and not held-out text."""


def choose() -> tuple[Side, Side, ComparedText]:
    """Show what to compare with and on what, in one row.

    Returns:
        The model to compare with, the chosen model, and the text.

    Raises:
        DataError: If there is no model yet.
    """
    entry = models.chosen_entry()
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = _choose_against(entry)
        before = _side(against, _choose_step(against, entry))
        after = _side(entry, _step(entry))
        with notes:
            _say_unknown()
        st.button(
            "Swap",
            icon=":material/swap_horiz:",
            key="swap",
            on_click=_swap,
            args=(before, after),
            help="Compare in the other direction.",
        )
        read = st.segmented_control(
            "Text that both models read",
            (HELD_OUT, PROMPT),
            default=HELD_OUT,
            required=True,
            key="read",
            **state.BOUND,
        )
        if read == PROMPT:
            return before, after, ComparedText(state.prompt_input(), is_prompt=True)
        return before, after, ComparedText(_held_out(before, after), is_prompt=False)


def _choose_against(entry: ModelEntry) -> ModelEntry:
    known = {other.id: other for other in models.entries()}
    state.keep_possible("against", list(known), "model")
    default = entry.id if len(entry.steps) > 1 else _another(entry, list(known))
    against = st.selectbox(
        "Compare with",
        list(known),
        index=list(known).index(default),
        key="against",
        width=190,
        on_change=_forget_step,
        help="Changes are counted from this model to the one in the sidebar.",
        **state.BOUND,
    )
    return known[against]


def _held_out(before: Side, after: Side) -> str:
    """Return a stretch of text that the chosen model did not learn from."""
    found = held_out_text(after.checkpoint)
    number = st.number_input(
        f"Stretch 1 to {len(found.windows)}",
        1,
        len(found.windows),
        1,
        key="stretch",
        width=160,
        help=f"The chosen model reads {found.description}.",
        **state.BOUND,
    )
    text = after.checkpoint.tokenizer.decode(found.windows[number - 1])
    longest = before.checkpoint.model.config.max_seq_len
    other = before.checkpoint.tokenizer
    if len(other.encode(text)) > longest:
        text = other.decode(other.encode(text)[:longest])
    return text


def _say_unknown() -> None:
    """Say which part of the link leads nowhere, as the frame does for its own."""
    for key in ("against", "against_step"):
        if note := st.session_state.get(f"_unknown_{key}"):
            show_problem(f"{note} What you see is the default.")


def _forget_step() -> None:
    """Begin at the default step of another model; its steps are others."""
    state.forget_unknown("against")
    st.session_state.pop("against_step", None)


def _another(entry: ModelEntry, known: list[str]) -> str:
    return next((model for model in known if model != entry.id), entry.id)


def _step(entry: ModelEntry) -> int | None:
    """Return the step that the time machine stands at."""
    steps = [step for step, _ in entry.steps]
    chosen = state.get("step")
    return chosen if chosen in steps else max(steps, default=None)


def _choose_step(against: ModelEntry, entry: ModelEntry) -> int | None:
    """Show the step to compare with: by default half-way to the chosen one."""
    steps = [step for step, _ in against.steps]
    state.keep_possible("against_step", steps, "training step")
    if len(steps) < 2:
        return max(steps, default=None)
    now = _step(entry) if against.id == entry.id else None
    earlier = [step for step in steps if now is None or step < now]
    default = earlier[len(earlier) // 2] if now and earlier else steps[-1]
    chosen: int = st.selectbox(
        "at step",
        steps,
        index=steps.index(default),
        key="against_step",
        width=110,
        on_change=state.forget_unknown,
        args=("against_step",),
        **state.BOUND,
    )
    return chosen


def _side(entry: ModelEntry, step: int | None) -> Side:
    path = entry.path_at(step)
    return Side(entry, step, models.load(path), path)


def _swap(before: Side, after: Side) -> None:
    """Let the two models change places."""
    for side, model, step in (
        (before, "model", "step"),
        (after, "against", "against_step"),
    ):
        st.session_state[model] = side.entry.id
        if len(side.entry.steps) > 1:
            st.session_state[step] = side.step
        else:
            st.session_state.pop(step, None)
