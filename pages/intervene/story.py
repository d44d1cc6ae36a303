"""What to try first on the Intervene page: ready ablations, a click away."""

from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.circuit import (
    Circuit,
    State,
    find_circuit,
    sharpest_head,
)
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Head
from pages.intervene import numbers
from pages.intervene.choose import set_ablations

COPYING_PROMPT = "Mia met Tom . the sun was up . then Ana fed Sam . Mia met"
"""Only a model that copies from earlier knows how it goes on."""


def show(checkpoint: Checkpoint, ablations: Sequence[Ablation]) -> None:
    """Offer ablations that surprise."""
    whole = numbers.state_under_ablations(checkpoint, ())
    now = numbers.state_under_ablations(checkpoint, ablations)
    with st.container(border=True, key="story"):
        circuit = find_circuit(whole.scores)
        if circuit is None:
            _offer_sharpest(sharpest_head(whole.scores), whole, now, ablations)
        else:
            _offer_circuit(circuit, whole, now, ablations)


def _offer_circuit(
    circuit: Circuit, whole: State, now: State, ablations: Sequence[Ablation]
) -> None:
    previous, control, induction = circuit.previous, circuit.control, circuit.induction
    weight = whole.scores.previous_token[previous.layer, previous.head]
    before, after = (
        state.scores.induction[induction.layer, induction.head]
        for state in (whole, now)
    )
    if list(ablations) in ([Ablation(previous)], [Ablation(control)]):
        st.markdown(
            f"**{ablations[0].part} is off.** {induction}, untouched: induction score "
            f"{before:.2f} → **{after:.2f}**. Loss where a pair comes again: "
            f"{whole.copying_loss:.2f} → **{now.copying_loss:.2f}** nats."
        )
    else:
        st.markdown(
            f"**Try it.** In random words said twice, {previous} reads the previous "
            f"word (weight {weight:.2f}) and {induction} reads what came next last "
            f"time ({before:.2f}). Does one need the other?"
        )
    with st.container(horizontal=True):
        _button(f"Ablate {previous}", [previous])
        _button(f"Ablate the control, {control}", [control])
        if ablations:
            _button("Restore", [])


def _offer_sharpest(
    sharpest: Head, whole: State, now: State, ablations: Sequence[Ablation]
) -> None:
    weight = whole.scores.previous_token[sharpest.layer, sharpest.head]
    if list(ablations) == [Ablation(sharpest)]:
        st.markdown(
            f"**{sharpest} is off.** The loss over held-out text goes from "
            f"{whole.loss:.2f} to **{now.loss:.2f}** nats. Now ablate other heads: is "
            "this the one that is needed most?"
        )
    else:
        st.markdown(
            f"**Try it.** On random tokens said twice, {sharpest} is the sharpest: "
            f"{weight:.2f} of its weight is on the token before. Is it the head that "
            "is needed most?"
        )
    with st.container(horizontal=True):
        _button(f"Ablate {sharpest}", [sharpest], None)
        if ablations:
            _button("Restore", [], None)


def _button(
    label: str, heads: Sequence[Head], prompt: str | None = COPYING_PROMPT
) -> None:
    st.button(
        label,
        icon=":material/power_settings_new:" if heads else ":material/undo:",
        on_click=set_ablations,
        args=([str(Ablation(head)) for head in heads], prompt),
    )
