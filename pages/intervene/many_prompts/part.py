"""Many prompts: a measure of one prompt, as a mean over many pairs of prompts."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.interventions.patching import CARRIED
from minigpt.interpret.pairs.alignment import LeftOut
from minigpt.interpret.pairs.measures import ATTRIBUTION, LENS
from minigpt.interpret.pairs.pair_rows import PairRow
from pages.frame import models, state
from pages.frame.remember import identity
from pages.frame.words import plain
from pages.intervene import numbers as shared
from pages.intervene.many_prompts import (
    figures,
    numbers,
    one_pair,
    rows,
    two_models,
)
from pages.intervene.many_prompts.rows import Rows

WORDS = (
    "What one prompt shows may be chance. Here each number is a **mean over many "
    "pairs** that differ in one thing, with its 95% interval: the pairs are drawn anew "
    "a thousand times, with replacement, and 95% of the means lie in it. An interval "
    "that holds 0 says that the sign is not sure. Everything is about the difference "
    "between the logits of two tokens: the **answer**, which should follow the clean "
    "prompt, and its **rival**, which should follow the corrupted one. Patches are "
    "shares of the whole way from one to the other."
)

PATCH, SHARES, ALONG, COMPARE = MEASURES = ("Patch", "Attribution", "Lens", "Compare")

FEW = 20
"""So many pairs are measured on a small model without being asked for."""

ALL = "All pairs"

ASKED, STOPPED = "_pairs_asked", "_pairs_stopped"
"""What the reader began, and what was stopped."""


def show(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show a list of pairs, and a measure of them."""
    with row:
        measure = st.segmented_control(
            "Measure",
            MEASURES,
            default=PATCH,
            required=True,
            key="pairs_measure",
            label_visibility="collapsed",
            **state.BOUND,
        )
    settings = st.container(horizontal=True, vertical_alignment="bottom")
    listed = rows.choose(checkpoint, settings)
    if not listed.rows:
        raise DataError(
            "The list is empty: write a clean and a corrupted prompt into a row."
        )
    with settings:
        only = _choose_pair(listed.rows)
        against = (
            two_models.choose(models.chosen_entry()) if measure == COMPARE else None
        )
        what = None if against else _choose_what(checkpoint, measure)
    place = st.empty()
    asked = identity((checkpoint, tuple(listed.rows)))
    if not _may_measure(checkpoint, asked, len(listed.rows)):
        return
    stop = partial(_offer_stop, place, asked)
    _, left_out = numbers.align_rows(checkpoint, listed.rows)
    try:
        if against:
            left_out = two_models.show(checkpoint, listed, against, only, stop)
        elif what:
            left_out = _measure(checkpoint, listed, what, only, stop)
    except DataError:
        show_left_out(listed.rows, left_out)
        raise
    place.empty()
    show_left_out(listed.rows, left_out)


def _measure(
    checkpoint: Checkpoint,
    listed: Rows,
    what: str,
    only: int | None,
    stop: Callable[[], None],
) -> list[LeftOut]:
    """Measure the pairs and show the figures; return the pairs that are left out."""
    found = numbers.measure(checkpoint, listed.rows, what, only, stop)
    figures.show(figures.Shown(checkpoint, listed, what, only, found))
    if only is not None:
        one_pair.show(checkpoint, listed.rows[only - 1], found.pairs[0])
    return found.left_out


def _choose_what(checkpoint: Checkpoint, measure: str) -> str:
    """Return what is measured, one of `measures.MEASURES`; ask what is patched."""
    if measure == SHARES:
        return ATTRIBUTION
    if measure == ALONG:
        return LENS
    has_mlp = bool(checkpoint.model.config.mlp_width)
    kinds = ["z", *(kind for kind in CARRIED if kind != "z")]
    if not has_mlp:
        kinds.remove("MLP output")
    state.keep_possible("pairs_patch", kinds, "patch")
    return st.selectbox(
        "What is patched",
        kinds,
        key="pairs_patch",
        width=170,
        help="z, pattern and values belong to a head; the others to a token.",
        **state.BOUND,
    )


def _choose_pair(listed: list[PairRow]) -> int | None:
    """Let the reader look at one pair alone; return its number."""
    names = [f"Pair {number}" for number in range(1, len(listed) + 1)]
    options = [ALL, *names]
    state.keep_possible("pairs_one", options, "pair")
    chosen = st.selectbox(
        "Shown",
        options,
        key="pairs_one",
        width=130,
        help="One pair alone: both prompts side by side.",
        **state.BOUND,
    )
    return None if chosen == ALL else names.index(chosen) + 1


def _may_measure(checkpoint: Checkpoint, asked: object, count: int) -> bool:
    """Whether to measure: a few pairs at once, else when the reader asks for it."""
    at_once = shared.is_quick(checkpoint) and count <= FEW
    wanted = at_once and st.session_state.get(STOPPED) != asked
    if wanted or st.session_state.get(ASKED) == asked:
        return True
    st.button(
        f"Measure {count} pairs",
        icon=":material/play_arrow:",
        key="measure_pairs",
        on_click=_begin,
        args=(asked,),
        help="Stopped, it goes on where it was.",
    )
    return False


def _begin(asked: object) -> None:
    st.session_state[ASKED] = asked
    st.session_state.pop(STOPPED, None)


def _offer_stop(place: DeltaGenerator, asked: object) -> None:
    place.button("Stop", icon=":material/stop:", on_click=_stop, args=(asked,))


def _stop(asked: object) -> None:
    st.session_state[STOPPED] = asked
    st.session_state.pop(ASKED, None)


def show_left_out(listed: list[PairRow], left_out: Sequence[LeftOut]) -> None:
    """Name the pairs that could not be compared, and why."""
    if not left_out:
        return
    count = len(left_out)
    label = "1 pair is" if count == 1 else f"{count} pairs are"
    with st.expander(plain(f"{label} left out")):
        st.dataframe(
            [
                {
                    "pair": each.number,
                    "clean prompt": listed[each.number - 1].clean,
                    "why": each.why,
                }
                for each in left_out
            ],
            hide_index=True,
        )
