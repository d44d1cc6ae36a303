"""Ablate each in turn: which heads does the model need, and what do they attend to?"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.interventions.circuit import Habit, strongest_habit
from minigpt.interpret.interventions.interventions import How
from minigpt.interpret.interventions.sweep import HeadEffects
from minigpt.textbook.interventions import (
    ablation_hooks,
    kl_of_each_head,
    loss_of_each_head,
    loss_under,
)
from pages.frame import notebook, state
from pages.intervene import numbers
from pages.intervene.choose import set_ablations
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import looking_and_causing

MEASURES = {"rise of the loss": "loss", "KL of the next token": "kl"}
"""What the map shows → the field of `HeadEffects`."""

WAYS: dict[str, How] = {"zero": "zero", "mean": "mean", "resample": "resample"}
"""What each head can become."""

BECOMES = {
    "zero": "set to zero",
    "mean": "set to its mean",
    "resample": "given its values in another text",
}
"""The same in words."""


def choose(checkpoint: Checkpoint, row: DeltaGenerator) -> tuple[str, str] | None:
    """Show what each head can become, and what is measured.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the choices.

    Returns:
        Both choices; None if a large model's reader has not asked to begin.
    """
    with row:
        how = st.segmented_control(
            "Each head becomes",
            list(WAYS),
            default="zero",
            required=True,
            key="turn_how",
            **state.BOUND,
        )
        measure = st.segmented_control(
            "Shown, over held-out text",
            list(MEASURES),
            default="rise of the loss",
            required=True,
            key="turn_measure",
            **state.BOUND,
        )
    config = checkpoint.model.config
    count = config.num_layers * config.num_heads
    if not numbers.may_begin(checkpoint, f"Ablate all {count} heads in turn"):
        return None
    return how, measure


def show(checkpoint: Checkpoint, how: str, measure: str) -> None:
    """Show what ablating each head alone costs, beside how sharp its pattern is.

    Args:
        checkpoint: The chosen model.
        how: What each head becomes, a key of `WAYS`.
        measure: What is shown of it, a key of `MEASURES`.
    """
    effects = numbers.heads_on_corpus(checkpoint, WAYS[how])
    scores = numbers.scores_under(checkpoint, ())
    left, right = st.columns([5, 6], gap="large")
    with left:
        _show_map(checkpoint, effects, how, measure)
    with right:
        _show_weights(checkpoint, effects, scores)


def _show_map(
    checkpoint: Checkpoint, effects: HeadEffects, how: str, measure: str
) -> None:
    values = getattr(effects, MEASURES[measure])
    value_grid(
        Grid.of_heads(values, f"{measure}, nats", signed=True),
        key="turn_map",
        on_select=lambda place: (
            None if place is None else set_ablations(["L{}H{} {}".format(*place, how)])
        ),
    )
    st.caption("Click a head to open Ablate with it.")
    by_loss = MEASURES[measure] == "loss"
    function = loss_of_each_head if by_loss else kl_of_each_head
    notebook.show(
        "each head",
        function,
        f"{function.__name__}(model, windows, {how!r})",
        drawn=values,
        begin=numbers.opening(checkpoint),
        also=[loss_under, ablation_hooks] if by_loss else [ablation_hooks],
    )


def _show_weights(
    checkpoint: Checkpoint, effects: HeadEffects, scores: HeadScores
) -> None:
    layers, heads = effects.loss.shape
    names = [f"L{layer}H{head}" for layer in range(layers) for head in range(heads)]
    st.markdown(_told(strongest_habit(scores, effects)))
    st.vega_lite_chart(
        looking_and_causing(
            names,
            scores.previous_token.ravel().tolist(),
            effects.loss.ravel().tolist(),
        ).spec
    )
    notebook.show(
        "weights and costs",
        scores_on,
        f"scores_on(model, {numbers.repeated_call(checkpoint)}).previous_token",
        drawn=scores.previous_token,
        begin=numbers.opening(checkpoint),
        also=[repeated_tokens, familiar_tokens],
    )


def _told(habit: Habit) -> str:
    """Say whether the head with the sharpest pattern is the one that is needed."""
    sharpest = (
        f"**{habit.sharpest}** has the sharpest pattern: {habit.weight:.2f} of its "
        "weight is on the previous token. Ablating it raises the loss by "
        f"{habit.cost:.2f} nats."
    )
    if habit.sharpest == habit.needed:
        return (
            f"{sharpest} No head is needed more: here, attention and causation agree."
        )
    return (
        f"{sharpest} **{habit.needed}** gives that token {habit.needed_weight:.2f}, "
        f"and ablating it costs {habit.needed_cost:.2f}. Attention is not causation."
    )
