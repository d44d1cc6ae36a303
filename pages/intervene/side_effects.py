"""What else a cut changes: the loss, the other heads' looks, and a pair's interplay."""

import math
from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.circuit import find_circuit
from minigpt.interpret.interventions.interventions import Cut
from pages.frame import notebook
from pages.frame.words import plain
from pages.intervene import notebook_lines, numbers
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import change_grid

SCORES = {
    "induction": "induction",
    "previous token": "previous_token",
    "first token": "first_token",
}


def show_losses(checkpoint: Checkpoint, cuts: Sequence[Cut]) -> None:
    """Show the loss over held-out text, before and after."""
    whole = numbers.state_under_cuts(checkpoint, ())
    now = numbers.state_under_cuts(checkpoint, cuts)
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
            help="Over tokens that could be copied: the same two tokens stood one "
            "after the other before, in the same window.",
        )
    body = notebook_lines.cutting(checkpoint, cuts)
    notebook.code(
        "loss",
        notebook_lines.reading(checkpoint)
        + "\n"
        + body
        + "logits = model.run_with_hooks(windows, edits)[:, :-1].detach()\n"
        "loss = torch.nn.functional.cross_entropy(\n"
        "    logits.flatten(0, 1), windows[:, 1:].flatten()).item()",
        variable="loss",
        drawn=now.loss,
    )


def show_pair(checkpoint: Checkpoint, first: Cut, second: Cut) -> None:
    """Say what two cuts cost alone and together."""
    found = numbers.pair_effect(checkpoint, first, second)
    verdict = "more than the sum: each covers for the other"
    if found.interaction < 0:
        verdict = "less than the sum: they are needed for the same thing"
    st.markdown(
        f"**The pair.** Rise of the loss in nats: {plain(str(first))} alone "
        f"{found.first:+.3f}, {plain(str(second))} alone {found.second:+.3f}, both "
        f"{found.both:+.3f}. Interaction {found.interaction:+.3f}, {verdict}."
    )


def show_scores(checkpoint: Checkpoint, cuts: Sequence[Cut]) -> None:
    """Show where every head looks, before and after."""
    whole = numbers.state_under_cuts(checkpoint, ())
    now = numbers.state_under_cuts(checkpoint, cuts)
    copies = find_circuit(whole.scores) is not None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Where the heads look while this is cut",
            list(SCORES),
            default="induction" if copies else "previous token",
            required=True,
            key="cut_score",
            help="Mean weight over random tokens said twice, before → after the cut.",
        )
        st.space("stretch")
        name = SCORES[chosen]
        before, after = getattr(whole.scores, name), getattr(now.scores, name)
        body = notebook_lines.cutting(checkpoint, cuts)
        notebook.code(
            "scores",
            notebook_lines.scoring(checkpoint) + body + "with model.hooks(edits):\n"
            f"    scores = scores_on(model, repeated).{name}",
            variable="scores",
            drawn=after,
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
