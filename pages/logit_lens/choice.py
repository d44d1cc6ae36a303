"""Which two tokens the page of the logit lens follows: the answer A and its rival B."""

import streamlit as st

from minigpt.errors import DataError
from minigpt.interpret.stream.logit_lens import Column, single_token
from pages.frame import state
from pages.frame.guard import show_problem
from pages.frame.remember import identity
from pages.logit_lens.numbers import LensReading
from viz.tokens import display_piece

OFFERED = 20
"""So many of the model's likeliest tokens stand in the lists."""

PAIR_AT = "_pair_at"
"""In the session: the place that A and B belong to."""


def choose_pair(source: LensReading, column: Column, position: int) -> tuple[int, int]:
    """Show two lists, and return the ids of A and B: at first the two likeliest."""
    offered = [int(token) for token in column.top(-1, OFFERED)]
    _begin_anew_elsewhere(place_of(source, position))
    left, right = st.columns(2)
    with left:
        a = _choose(source, column, offered, "Answer A", "lens_a")
    with right:
        rivals = [token for token in offered if token != a] or offered
        b = _choose(source, column, rivals, "Rival B", "lens_b")
    return a, b


def place_of(source: LensReading, position: int) -> tuple[object, int]:
    """Return what a choice of A and B belongs to; it is kept under `PAIR_AT`."""
    return identity(source), position


def name_of(source: LensReading, column: Column, token: int) -> str:
    """Return how the lists name a token: its text, and its probability at the end."""
    probability = column.probabilities[-1, token]
    return f"{display_piece(source.piece(token))} {probability:.3f}"


def _begin_anew_elsewhere(place: object) -> None:
    """Forget A and B at another token: it has other candidates."""
    if st.session_state.get(PAIR_AT, place) != place:
        for key in ("lens_a", "lens_b"):
            st.session_state.pop(key, None)
    st.session_state[PAIR_AT] = place


def _choose(
    source: LensReading, column: Column, offered: list[int], label: str, key: str
) -> int:
    names = {name_of(source, column, token): token for token in reversed(offered)}
    chosen = st.selectbox(
        label,
        [name_of(source, column, token) for token in offered],
        key=key,
        accept_new_options=True,
        filter_mode="contains",
        help="Choose from the likeliest next tokens, or type another token.",
        **state.BOUND,
    )
    if chosen in names:
        return names[chosen]
    try:
        return single_token(source.checkpoint.tokenizer, str(chosen))
    except DataError as error:
        show_problem(str(error))
        return offered[0]
