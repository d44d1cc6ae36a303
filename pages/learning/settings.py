"""What is learned, and how: the prompt, the optimizer and the size of its step."""

from typing import NamedTuple, get_args

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.learning.steps import LearningRule, OptimizerName, RateSweep
from pages.frame import models, notebook, state
from pages.frame.controls import keyboard
from pages.frame.reading import may_cut
from pages.learning.numbers import RATES, Prompt, sweep_of

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)

RATE_OF = "_rate_of"
"""In the session: the model, prompt and optimizer that the step size is for."""


class Chosen(NamedTuple):
    """How the step is taken, and where steps of other sizes lead."""

    rule: LearningRule
    sweep: RateSweep


def read_prompt(checkpoint: Checkpoint) -> Prompt:
    """Show the prompt's field, and return its tokens.

    Raises:
        DataError: If the prompt is too short to predict anything, or too long.
    """
    text = state.prompt_input("Prompt to learn")
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    tokens, longest = tokenizer.encode(text), model.config.max_seq_len
    last_only = may_cut(len(tokens), longest)
    notebook.read_last(longest if last_only else None)
    if last_only:
        tokens = tokens[-longest:]
    if len(tokens) > longest:
        raise DataError(
            f"The prompt has {len(tokens)} tokens, and this model reads at most "
            f"{longest} at once: shorten it by {len(tokens) - longest}."
        )
    keyboard.offer(token=len(tokens))
    return Prompt(tokens, tokenizer.pieces(tokens))


def choose_rule(checkpoint: Checkpoint, prompt: Prompt) -> Chosen:
    """Show the optimizer and its step size; at first, the size that helps most."""
    left, right = st.columns([1, 1], gap="medium")
    state.keep_possible("optimizer", OPTIMIZERS, "optimizer")
    optimizer = left.segmented_control(
        "Optimizer",
        OPTIMIZERS,
        default="SGD",
        required=True,
        wrap=True,
        key="optimizer",
        help="The rule that turns a gradient into a step. SGD is the gradient itself, "
        "times the step size. AdamW gives every weight a step size of its own. Muon "
        "moves all directions of a matrix equally far.",
        **state.BOUND,
    )
    sweep = sweep_of(
        checkpoint.model, prompt.tokens, LearningRule(optimizer, 1e-3), RATES
    )
    _begin_at_the_best(optimizer, prompt, sweep.best)
    state.keep_possible("rate", RATES, "step size")
    rate = right.select_slider(
        "Step size lr",
        RATES,
        value=sweep.best,
        format_func=lambda rate: f"{rate:g}",
        key="rate",
        help="How far to go against the gradient. It begins where one step helps this "
        "prompt most.",
        **state.BOUND,
    )
    return Chosen(LearningRule(optimizer, rate), sweep)


def _begin_at_the_best(optimizer: str, prompt: Prompt, best: float) -> None:
    """Take the best step size where model, prompt or optimizer have become others.

    Forgetting the old one would not do: its widget would read it from the URL again.
    """
    here = rate_of(optimizer, prompt)
    before = st.session_state.get(RATE_OF)
    if before is not None and before != here:
        st.session_state["rate"] = best
    st.session_state[RATE_OF] = here


def rate_of(optimizer: OptimizerName, prompt: Prompt) -> tuple[object, ...]:
    """Return what a step size was chosen for; it is kept under `RATE_OF`."""
    path = models.chosen_path(models.chosen_entry())
    return (str(path), *prompt.tokens, optimizer)
