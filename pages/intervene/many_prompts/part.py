"""Many prompts: a measure of one prompt, as a mean over many pairs of prompts."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.interventions.patching import CARRIED
from minigpt.interpret.pairs.alignment import LeftOut
from minigpt.interpret.pairs.averages import average
from minigpt.interpret.pairs.measures import ATTRIBUTION, LENS, measure_pair
from minigpt.interpret.pairs.pair_rows import PairRow
from pages.frame import lesson, models, state
from pages.frame.controls import tour
from pages.frame.questions import check, predict
from pages.frame.remember import identity
from pages.frame.words import plain
from pages.intervene import numbers as shared
from pages.intervene.many_prompts import (
    figures,
    numbers,
    one_pair,
    questions,
    rows,
    two_models,
)
from pages.intervene.many_prompts import tour as pairs_tour
from pages.intervene.many_prompts.rows import ALL, Rows
from pages.intervene.many_prompts.shown import Shown

WORDS = (
    "What one prompt shows may be chance. Here each number is a **mean over many "
    "pairs** that differ in one thing, with its 95% interval: the pairs are drawn anew "
    "a thousand times, with replacement, and 95% of the means lie in it. An interval "
    "that contains 0 says that the sign is not sure. Everything is about the "
    "difference between the logits of two tokens: the **answer**, which should follow "
    "the clean prompt, and its **rival**, which should follow the corrupted one. "
    "Patches are shares of the whole way from one to the other."
)

PATCH, SHARES, ALONG, COMPARE = MEASURES = ("Patch", "Attribution", "Lens", "Compare")

FEW = 20
"""So many pairs are measured on a small model without being asked for."""

ASKED, STOPPED = "_pairs_asked", "_pairs_stopped"
"""What the reader began, and what was stopped."""


class _Choice(NamedTuple):
    """What the reader wants to have measured."""

    listed: Rows
    only: int | None
    """The number of the one pair that is shown; None: all."""
    against: two_models.Against | None
    """The model to compare with; None: one model's pairs are measured."""
    what: str
    """One of `measures.MEASURES`, where nothing is compared."""


def show(
    checkpoint: Checkpoint, row: DeltaGenerator, tour_button: DeltaGenerator
) -> None:
    """Show a list of pairs, and a measure of them.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the measure.
        tour_button: Where the part's tour is offered.
    """
    choice = _choose(checkpoint, row)
    listed, place = choice.listed.rows, st.empty()
    asked = identity((checkpoint, tuple(listed)))
    shown = None
    if _may_measure(checkpoint, asked, len(listed)):
        try:
            stop = partial(_offer_stop, place, asked)
            shown, left_out = _measure(checkpoint, choice, stop)
        except DataError:
            show_left_out(listed, numbers.align_rows(checkpoint, listed)[1])
            raise
        place.empty()
        if shown is not None and not _uncover(shown, tour_button):
            return
        show_left_out(listed, left_out)
    lesson.explain(WORDS, average, measure_pair)
    if shown is not None and _may_ask(shown):
        check(questions.checks(shown))


def _choose(checkpoint: Checkpoint, row: DeltaGenerator) -> _Choice:
    """Let the reader choose the pairs and what is measured.

    Raises:
        DataError: If there are no pairs.
    """
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
            "The list is empty: write a clean and a corrupted prompt in a row."
        )
    with settings:
        only = _choose_pair(listed.rows)
        if measure == COMPARE:
            against = two_models.choose(models.chosen_entry())
            return _Choice(listed, only, against, LENS)
        return _Choice(listed, only, None, _choose_what(checkpoint, measure))


def _measure(
    checkpoint: Checkpoint, choice: _Choice, stop: Callable[[], None]
) -> tuple[Shown | None, Sequence[LeftOut]]:
    """Measure the pairs, or compare two models; return what is left out, too."""
    listed, only, against, what = choice
    if against is not None:
        return None, two_models.show(checkpoint, listed, against, only, stop)
    found = numbers.measure(checkpoint, listed.rows, what, only, stop)
    return Shown(checkpoint, listed, what, only, found), found.left_out


def _uncover(shown: Shown, tour_button: DeltaGenerator) -> bool:
    """Ask, and show the figures once that is answered; return whether it is."""
    may_ask = _may_ask(shown)
    if may_ask:
        tour.offer(tour_button, lambda: pairs_tour.stops(shown))
    if not predict(questions.on_average(shown) if may_ask else ()):
        return False
    figures.show(shown)
    if shown.only is not None:
        pair = shown.listed.rows[shown.only - 1]
        one_pair.show(shown.checkpoint, pair, shown.found.pairs[0])
    return True


def _may_ask(shown: Shown) -> bool:
    """Whether what is shown is about all pairs, and a map."""
    return shown.only is None and shown.measure != LENS


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
        help="If stopped, it resumes where it was.",
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
