"""Where a number comes from: its hook, its shape, its formula, its line of source."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.provenance import trace


def show(
    checkpoint: Checkpoint, tokens: list[int], hook: str, index: tuple[int, ...]
) -> None:
    """Show one number of one hook, and how the model made it.

    Args:
        checkpoint: The model that was asked.
        tokens: The ids it read.
        hook: `blocks.0.attn.hook_pattern`.
        index: Place in the hook's tensor, the batch (0) first.
    """
    found = trace(checkpoint.model, tokens, hook, index)
    place = ", ".join(map(str, index))
    st.code(
        f"{hook}[{place}] = {found.value:.4f}\nshape {list(found.shape)}", language=None
    )
