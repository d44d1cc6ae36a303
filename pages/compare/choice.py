"""Which two models are compared, and on which text."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import HeldOut, held_out
from minigpt.library.catalogue import ModelEntry
from pages.frame import models, state
from pages.frame.corpora import LONGEST
from pages.frame.guard import show_problem
from pages.frame.remember import remember

PROMPT, HELD_OUT = "Prompt", "Held-out text"
STRETCHES = 32
"""Of held-out text, to choose from."""


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


def choose(entry: ModelEntry) -> tuple[Side, Side, ComparedText]:
    """Show what to compare with and on what, in one row.

    Args:
        entry: The chosen model.

    Returns:
        The model to compare with, the chosen model, and the text.
    """
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = _choose_against(entry)
        before = side_of(against, _choose_step(against, entry))
        after = side_of(entry, step_of(entry))
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
    found = _held_out_by(after)
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
    return stretches(before, after)[number - 1]


def stretches(before: Side, after: Side) -> list[str]:
    """Return text that the second did not learn from, as long as the first can read."""
    other = before.checkpoint.tokenizer
    longest = before.checkpoint.model.config.max_seq_len
    texts = []
    for window in _held_out_by(after).windows:
        text = after.checkpoint.tokenizer.decode(window)
        tokens = other.encode(text)
        texts.append(text if len(tokens) <= longest else other.decode(tokens[:longest]))
    return texts


# All steps of a model have one text.
@remember(32, spinner="Looking for held-out text …", key=lambda after: after.entry.path)
def _held_out_by(after: Side) -> HeldOut:
    model, tokenizer, metadata = after.checkpoint
    length = min(LONGEST, model.config.max_seq_len)
    return held_out(metadata, tokenizer, length, STRETCHES)


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


def step_of(entry: ModelEntry) -> int | None:
    """Return the step that the time machine stands at."""
    steps = [step for step, _ in entry.steps]
    chosen = state.get("step")
    return chosen if chosen in steps else entry.default_step


def _choose_step(against: ModelEntry, entry: ModelEntry) -> int | None:
    """Show the step to compare with: by default half-way to the chosen one."""
    steps = [step for step, _ in against.steps]
    state.keep_possible("against_step", steps, "training step")
    if len(steps) < 2:
        return max(steps, default=None)
    now = step_of(entry) if against.id == entry.id else None
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


def side_of(entry: ModelEntry, step: int | None) -> Side:
    """Return a model at a step, loaded."""
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
