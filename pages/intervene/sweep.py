"""Cut each in turn: which heads does the model need, and are they those that shine?"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.interventions.circuit import Habit, strongest_habit
from minigpt.interpret.interventions.sweep import HeadEffects
from pages.frame import notebook
from pages.intervene import notebook_lines, numbers
from pages.intervene.choose import set_cuts
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import looking_and_causing

MEASURES = {"rise of the loss": "loss", "KL of the next token": "kl"}


def show(
    checkpoint: Checkpoint, row: DeltaGenerator
) -> tuple[HeadEffects, HeadScores] | None:
    """Show what cutting each head alone costs, beside how sharply it looks.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the choices.

    Returns:
        What was measured; None if the reader has not asked for it yet.
    """
    with row:
        how = st.segmented_control(
            "Each head becomes",
            ["zero", "mean", "resample"],
            default="zero",
            required=True,
            key="turn_how",
        )
        measure = st.segmented_control(
            "Shown, over held-out text",
            list(MEASURES),
            default="rise of the loss",
            required=True,
            key="turn_measure",
        )
    config = checkpoint.model.config
    count = config.num_layers * config.num_heads
    if not numbers.may_begin(checkpoint, f"Cut all {count} heads in turn"):
        return None
    effects = numbers.heads_on_corpus(checkpoint, how)
    scores = numbers.state_under_cuts(checkpoint, ()).scores
    left, right = st.columns([5, 6], gap="large")
    with left:
        _show_map(checkpoint, effects, how, measure)
    with right:
        _show_looking(checkpoint, effects, scores)
    return effects, scores


def _show_map(
    checkpoint: Checkpoint, effects: HeadEffects, how: str, measure: str
) -> None:
    values = getattr(effects, MEASURES[measure])
    value_grid(
        Grid.of_heads(values, f"{measure}, nats", signed=True),
        key="turn_map",
        on_select=lambda place: (
            None if place is None else set_cuts(["L{}H{} {}".format(*place, how)])
        ),
    )
    st.caption("Click a head: it is what the tab Cut then cuts.")
    notebook.code(
        "each head",
        notebook_lines.reading(checkpoint)
        + "\nfrom minigpt.interpret.interventions.sweep import cut_each_head\n"
        f"windows, how = windows.numpy(), {how!r}\n"
        "effects = cut_each_head(model, windows, how, windows)\n"
        f"effects = effects.{MEASURES[measure]}",
        variable="effects",
        drawn=values,
    )


def _show_looking(
    checkpoint: Checkpoint, effects: HeadEffects, scores: HeadScores
) -> None:
    layers, heads = effects.loss.shape
    names = [f"L{layer}H{head}" for layer in range(layers) for head in range(heads)]
    st.markdown(_told(strongest_habit(scores, effects)))
    st.altair_chart(
        looking_and_causing(
            names,
            scores.previous_token.ravel().tolist(),
            effects.loss.ravel().tolist(),
        )
    )
    notebook.code(
        "looking",
        notebook_lines.scoring(checkpoint)
        + "weights = scores_on(model, repeated).previous_token",
        variable="weights",
        drawn=scores.previous_token,
    )


def _told(habit: Habit) -> str:
    """Say whether the head that looks most sharply is the one that is needed."""
    sharpest = (
        f"**{habit.sharpest}** looks most sharply: {habit.weight:.2f} of its weight on "
        f"the previous token. Cutting it raises the loss by {habit.cost:.2f} nats."
    )
    if habit.sharpest == habit.needed:
        return f"{sharpest} No head is needed more: here, looking and causing agree."
    return (
        f"{sharpest} **{habit.needed}** gives that token {habit.needed_weight:.2f}, "
        f"and cutting it costs {habit.needed_cost:.2f}. Looking is not causing."
    )
