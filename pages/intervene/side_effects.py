"""What else an ablation changes: the loss, the other heads, a pair's interaction."""

import math
from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.repeated_tokens import familiar_tokens, repeated_tokens
from minigpt.interpret.interventions.circuit import find_circuit
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.textbook.interventions import ablation_hooks, loss_under, scores_under
from pages.frame import notebook, state
from pages.frame.words import plain
from pages.intervene import numbers
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import change_grid

SCORES = {
    "induction": "induction",
    "previous token": "previous_token",
    "first token": "first_token",
}


def show_losses(checkpoint: Checkpoint, ablations: Sequence[Ablation]) -> None:
    """Show the loss over held-out text, before and after."""
    whole = numbers.state_under_ablations(checkpoint, ())
    now = numbers.state_under_ablations(checkpoint, ablations)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.metric(
        "Loss over held-out text, nats per token",
        f"{now.loss:.3f}",
        f"{now.loss - whole.loss:+.3f} (was {whole.loss:.3f})",
        delta_color="inverse",
        delta_arrow="off",
    )
    if not math.isnan(whole.copying_loss):
        row.metric(
            "… where a pair comes again",
            f"{now.copying_loss:.3f}",
            f"{now.copying_loss - whole.copying_loss:+.3f} "
            f"(was {whole.copying_loss:.3f})",
            delta_color="inverse",
            delta_arrow="off",
            help="Measured on tokens that could be copied: the same pair of tokens "
            "occurred earlier in the window.",
        )
    notebook.show(
        "loss",
        loss_under,
        f"loss_under(model, windows, {numbers.hooks_call(ablations)})",
        drawn=now.loss,
        begin=numbers.opening(checkpoint),
        also=[ablation_hooks],
    )


def show_pair(checkpoint: Checkpoint, first: Ablation, second: Ablation) -> None:
    """Say what two ablations cost alone and together."""
    found = numbers.pair_effect(checkpoint, first, second)
    verdict = "more than the sum: each covers for the other"
    if found.interaction < 0:
        verdict = "less than the sum: they are needed for the same thing"
    st.markdown(
        f"**The pair.** Rise of the loss in nats: {plain(str(first))} alone "
        f"{found.first:+.3f}, {plain(str(second))} alone {found.second:+.3f}, both "
        f"{found.both:+.3f}. Interaction {found.interaction:+.3f}, {verdict}."
    )


def show_scores(checkpoint: Checkpoint, ablations: Sequence[Ablation]) -> None:
    """Show what every head attends to, before and after."""
    whole = numbers.state_under_ablations(checkpoint, ())
    now = numbers.state_under_ablations(checkpoint, ablations)
    copies = find_circuit(whole.scores) is not None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "What the other heads now attend to",
            list(SCORES),
            default="induction" if copies else "previous token",
            required=True,
            key="cut_score",
            **state.BOUND,
            help="Mean attention weight on random tokens said twice, before → after.",
        )
        st.space("stretch")
        name = SCORES[chosen]
        before, after = getattr(whole.scores, name), getattr(now.scores, name)
        texts = numbers.repeated_call(checkpoint)
        notebook.show(
            "scores",
            scores_under,
            f"scores_under(model, {texts}, {numbers.hooks_call(ablations)}).{name}",
            drawn=after,
            begin=numbers.opening(checkpoint),
            also=[ablation_hooks, repeated_tokens, familiar_tokens],
        )
    layers, heads = before.shape
    names = [[f"L{layer}H{head}" for head in range(heads)] for layer in range(layers)]
    grid = change_grid(names, before, after, f"{chosen} score")
    shown = Grid.of_heads(
        grid.values,
        "change of the score",
        texts=grid.texts,
        sentences=grid.sentences,
        signed=True,
        limit=1.0,
    )
    value_grid(shown, key="scores_after")
