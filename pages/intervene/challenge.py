"""A challenge: lose the model's answer with as few ablations as you can."""

from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Edge, Head
from minigpt.interpret.reading.prompt import Reading
from pages.frame.words import plain
from pages.intervene import numbers
from viz.tokens import display_piece

MOST = 5
"""Ablations that are allowed."""


def show(
    checkpoint: Checkpoint, reading: Reading, ablations: Sequence[Ablation]
) -> None:
    """Say how far the answer is from being lost; the model itself is the judge.

    Lost means that another token is likelier. A whole layer or a token may not be
    ablated: with heads and single attention weights one has to find what matters.
    """
    effect = numbers.effect(checkpoint, reading.tokens, ablations)
    answer, now = int(effect.before.argmax()), int(effect.after.argmax())
    piece = plain(display_piece(checkpoint.tokenizer.pieces([answer])[0]))
    is_fair = all(isinstance(each.part, Head | Edge) for each in ablations)
    with st.container(border=True, key="challenge"):
        st.markdown(
            f"**Challenge: make the model lose its answer, “{piece}”.** Ablate at most "
            f"{MOST} heads or single attention weights, until another token is "
            f"likelier. "
            + (
                f"So far: {len(ablations)} ablated; its probability went from "
                f"{effect.before[answer]:.3f} to **{effect.after[answer]:.3f}**. "
                + _verdict(now != answer, is_fair, len(ablations))
                if ablations
                else f"Its probability is {effect.before[answer]:.3f}."
            )
        )


def _verdict(is_lost: bool, is_fair: bool, count: int) -> str:
    if not is_lost:
        return "It is still the likeliest token."
    if not is_fair:
        return "It is lost, but not by heads and single weights alone."
    if count > MOST:
        return "It is lost, but by too many ablations: restore some."
    if count == 1:
        return "**Solved, with a single one.**"
    return "**Solved.** Can you do it with fewer?"
