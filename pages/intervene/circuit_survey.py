"""What the circuits of one prompt and of many are worth: prediction against removal."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.nodes import parts_of
from minigpt.interpret.circuits.search import FEW, LEAST, MOST
from minigpt.interpret.circuits.survey import Survey
from minigpt.interpret.reading.prompt import Reading
from pages.frame import state
from pages.frame.remember import identity
from pages.intervene import circuit_numbers
from pages.intervene.circuit_numbers import LENGTH, Proven
from viz.circuits.removals import predicted_and_measured, removal_table
from viz.tokens import placed_pieces

REMOVALS = "circuit_removals"
"""The region of the page that has one prompt's removals, by its key."""

COUNTS = (20, 50, 200)
"""Prompts of a survey."""

GOOD = 0.95
"""From this r on, predictions can stand for measurements."""


def show(checkpoint: Checkpoint, reading: Reading, proven: Proven) -> None:
    """Show whether attribution predicts removals: on this prompt, and on many."""
    st.subheader("Does it come true?", anchor=False)
    left, right = st.columns(2, gap="large")
    with left, st.container(key=REMOVALS):
        _show_removals(checkpoint, reading, proven)
    with right:
        _show_survey(checkpoint)


def _show_removals(checkpoint: Checkpoint, reading: Reading, proven: Proven) -> None:
    """Show what each node of this prompt was predicted to do, and does."""
    removals = proven.removals
    parts, tokens = parts_of(checkpoint.model), placed_pieces(reading.pieces)
    names = [f"{parts[part].name} at {tokens[at]}" for part, at in removals.nodes]
    largest = " with the largest predicted effects" * (
        len(names) < proven.circuit.kept.size
    )
    st.markdown(
        f"**On this prompt**, each of the {len(names)} nodes{largest} is replaced by "
        "its mean, alone. The correlation of predicted and measured effects is "
        f"r = {removals.correlation:.2f}."
    )
    _draw(names, removals.predicted.tolist(), removals.measured.tolist())


def _show_survey(checkpoint: Checkpoint) -> None:
    """Offer to try many prompts, and show what came of it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.segmented_control(
            "Prompts of held-out text",
            COUNTS,
            default=COUNTS[0],
            required=True,
            key="circuit_prompts",
            **state.BOUND,
        )
        asked = (identity(checkpoint), count)
        if st.session_state.get("_circuit_survey") != asked:
            st.button(
                "Try them",
                icon=":material/play_arrow:",
                key="try_prompts",
                on_click=_set,
                args=(asked,),
                help="A few seconds for each on a small model. If stopped, it resumes "
                "where it was.",
            )
            return
        stop = st.empty()
    with stop:
        st.button("Stop", icon=":material/stop:", on_click=_set, args=(None,))
    found = circuit_numbers.survey(checkpoint, count)
    stop.empty()
    if found is None:
        st.markdown("On none of them does the model clearly prefer its answer.")
        return
    _tell(found)
    parts = [part.name for part in parts_of(checkpoint.model)]
    _draw(parts, found.predicted.mean(0).tolist(), found.measured.mean(0).tolist())


def _set(asked: object) -> None:
    st.session_state["_circuit_survey"] = asked


def _tell(found: Survey) -> None:
    """Say how often a small circuit holds, and what predictions are worth."""
    mean, single = found.mean_correlation, found.single_correlation
    worth = (
        "On average, attribution can be believed"
        if mean >= GOOD
        else "Attribution is a rough guide on this model"
    )
    st.markdown(
        f"**On {len(found.trials)} prompts** of {LENGTH} tokens, each answer compared "
        "with what the model would say if it knew nothing of the prompt: in **"
        f"{found.holding:.0%}** of them, a circuit of at most {FEW:.0%} of the nodes "
        f"keeps {LEAST:.0%} to {MOST:.0%} of the difference; the median circuit has "
        f"{found.median_size:.0%} of them. {worth}: with each part replaced at all "
        f"tokens, r = **{mean:.2f}** for the parts' means over all prompts, and "
        f"r = {single:.2f} prompt by prompt."
    )


def _draw(names: list[str], predicted: list[float], measured: list[float]) -> None:
    table = removal_table(names, predicted, measured)
    st.vega_lite_chart(predicted_and_measured(table).spec)
