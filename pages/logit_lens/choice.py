"""Which two tokens the page of the logit lens follows: the answer A and its rival B."""

from hashlib import sha256

import streamlit as st

from minigpt.errors import DataError
from minigpt.interpret.stream.logit_lens import Column, single_token
from pages.frame.guard import show_problem
from pages.frame.remember import identity
from pages.logit_lens.numbers import LensReading
from viz.tokens import display_piece

OFFERED = 20
"""So many of the model's likeliest tokens stand in the lists."""


def choose_pair(source: LensReading, column: Column, position: int) -> tuple[int, int]:
    """Show two lists, and return the ids of A and B: at first the two likeliest."""
    offered = [int(token) for token in column.top(-1, OFFERED)]
    # Another prompt or place has other candidates: its lists are others.
    place = sha256(repr((identity(source), position)).encode()).hexdigest()[:8]
    left, right = st.columns(2)
    with left:
        a = _choose(source, column, offered, "Answer A", f"_a_{place}")
    with right:
        rivals = [token for token in offered if token != a] or offered
        b = _choose(source, column, rivals, "Rival B", f"_b_{place}")
    return a, b


def _choose(
    source: LensReading, column: Column, offered: list[int], label: str, key: str
) -> int:
    probabilities = column.probabilities[-1]

    def name(token: int) -> str:
        return f"{display_piece(source.piece(token))} {probabilities[token]:.3f}"

    names = {name(token): token for token in reversed(offered)}
    chosen = st.selectbox(
        label,
        [name(token) for token in offered],
        key=key,
        accept_new_options=True,
        filter_mode="contains",
        help="Choose from the likeliest next tokens, or type another token.",
    )
    if chosen in names:
        return names[chosen]
    try:
        return single_token(source.checkpoint.tokenizer, str(chosen))
    except DataError as error:
        show_problem(str(error))
        return offered[0]
