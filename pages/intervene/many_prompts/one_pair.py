"""One pair of prompts side by side: what the model reads, and what it says next."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.pairs.alignment import Pair
from minigpt.interpret.pairs.pair_rows import PairRow
from pages.frame.words import plain
from pages.intervene import numbers
from viz.lens_charts import top_bars
from viz.tokens import display_piece

SHOWN = 6
"""Likeliest tokens of each prompt."""


def show(checkpoint: Checkpoint, row: PairRow, pair: Pair) -> None:
    """Show both prompts, and the tokens that the model expects after each.

    Args:
        checkpoint: The chosen model.
        row: The prompts' texts.
        pair: Their tokens, answer and rival.
    """
    prompts, tokenizer = pair.prompts, checkpoint.tokenizer
    both = numbers.both_predictions(
        checkpoint.model, list(prompts.other), list(prompts.run)
    )
    answer, rival = (
        f"“**{plain(display_piece(piece))}**”"
        for piece in tokenizer.pieces([prompts.answer, prompts.rival])
    )
    for place, name, text, p in zip(
        st.columns(2, gap="large"),
        ("Clean prompt", "Corrupted prompt"),
        (row.clean, row.corrupted),
        (both.before, both.after),
        strict=True,
    ):
        with place:
            st.markdown(f"**{name}**")
            st.text(text)
            st.markdown(
                f"Answer {answer} {p[prompts.answer]:.3f}, rival {rival} "
                f"{p[prompts.rival]:.3f}"
            )
            likeliest = (-p).argsort(kind="stable")[:SHOWN]
            pieces = tokenizer.pieces(likeliest.tolist())
            st.vega_lite_chart(top_bars(pieces, p[likeliest]).spec)
