"""The first two figures: what each token costs, and the gradient going backwards."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.arithmetic import spell_mean
from minigpt.interpret.learning.backward import BackwardPass
from minigpt.textbook.learning import gradient_norms, losses_of_next_tokens
from pages.frame import notebook, provenance, state
from pages.learning.numbers import Prompt
from viz.components.value_grid.view import value_grid
from viz.learning.grids import gradient_grid, loss_grid, short_name

LOSS_CELL = "_loss_cell"
"""In the session: the prompt's tokens, and the cell of its losses to stand at."""


def show_loss(checkpoint: Checkpoint, prompt: Prompt, backward: BackwardPass) -> None:
    """Show each token's probability and loss, and the mean that learning lowers."""
    worst = int(backward.losses.argmax())
    tokens, chosen = st.session_state.get(LOSS_CELL, (None, None))
    cell = value_grid(
        loss_grid(prompt.pieces, backward.probabilities),
        key="loss_of_tokens",
        selected=chosen if tokens == prompt.tokens else (1, worst),
    )
    st.code(
        f"loss = {spell_mean(backward.losses)}\n     = {backward.loss:.4f} nats",
        language=None,
        wrap_lines=True,
    )
    position = worst if cell is None else cell[1]
    notebook.show(
        "the loss",
        losses_of_next_tokens,
        "losses_of_next_tokens(model, tokens)",
        drawn=backward.losses,
    )
    provenance.show(
        checkpoint,
        prompt.tokens,
        "logits",
        (0, position, prompt.tokens[position + 1]),
    )


def _reached(names: list[str]) -> str:
    """Choose how far the gradient has come."""
    state.keep_possible("reached", names, "hook")
    name: str = st.select_slider(
        "The backward pass has reached",
        names,
        value=names[-1],
        key="reached",
        **state.BOUND,
        help="It begins at the logits, on the right, and ends at the embeddings.",
    )
    return name


def show_gradient(
    checkpoint: Checkpoint, prompt: Prompt, backward: BackwardPass
) -> None:
    """Show the gradient's length at every token and hook, from the end backwards."""
    names = [short_name(hook) for hook in backward.hooks][::-1]
    count = names.index(_reached(names)) + 1
    worst = int(backward.losses.argmax())
    last = len(backward.hooks) - 1
    cell = value_grid(
        gradient_grid(prompt.pieces, backward.hooks, backward.norms, count),
        key="gradients",
        selected=(worst, last),
    )
    st.caption(
        "Read it from right to left. In each block, `z` is what its heads gathered, "
        "`MLP` its neurons, `out` the stream after it. The largest number of the "
        "chosen cell is traced."
    )
    position, column = cell or (worst, last)
    column = max(column, len(names) - count)
    notebook.show(
        "the gradients",
        gradient_norms,
        f"gradient_norms(model, tokens, {backward.hooks[:-1]})",
        drawn=backward.norms[:, :-1],
    )
    provenance.show(
        checkpoint,
        prompt.tokens,
        f"{backward.hooks[column]}_grad",
        backward.peaks[position][column],
    )
