"""Every head between two habits: which heads do one, both, or neither."""

import streamlit as st

from minigpt.interpret.heads.habits import ALL_HABITS
from minigpt.interpret.heads.held_out_scores import WINDOWS, held_out_scores
from pages.frame import notebook, state
from pages.frame.reading import Place, pick_head
from pages.head_explorer import habits, score_tabs
from pages.head_explorer.held_out import HeldOutStudy
from pages.head_explorer.study import Study
from viz.circuits.head_graph import PICKED
from viz.circuits.head_scatter import Axis, head_scatter, scatter_table

FIRST = ("previous_token", "induction")
"""Where the axes begin, if both were measured."""


def show_every_head(
    studies: tuple[HeldOutStudy | None, Study, Study], place: Place
) -> None:
    """Show all heads together: their names, two habits of each, and every score.

    Args:
        studies: On held-out text, on the prompt, and on random tokens.
        place: The head that is chosen.
    """
    known, here, there = studies
    habits.show_names(known)
    show(known, place)
    score_tabs.show_every_score(here, there)


def show(found: HeldOutStudy | None, place: Place) -> None:
    """Draw every head as a dot between two habits; a click opens it."""
    if found is None or len(found.scores.habits) < 2:
        return
    scores = found.scores
    st.markdown("**Every head between two habits**")
    chosen = _choose(scores.habits)
    x, y = (_axis(found, habit) for habit in chosen)
    table = scatter_table(x, y, (place.layer, place.head))
    st.vega_lite_chart(
        head_scatter(table, x, y).spec,
        key="head_scatter",
        on_select=_pick,
        selection_mode=PICKED,
    )
    untrained = (
        "Grey stripes: untrained heads, mean ± 2 sd."
        if found.band is not None
        else "Not compared with untrained heads yet."
    )
    st.caption(
        f"Mean weight on each habit in {scores.windows} windows of held-out text. "
        f"Lines: 95% intervals. {untrained} Click a head to open it."
    )
    rows = [scores.habits.index(habit) for habit in chosen]
    notebook.show(
        "two habits",
        held_out_scores,
        f"held_out_scores(model, tokenizer, windows).score[{rows}]",
        drawn=scores.score[rows],
        begin=notebook.opening_with_windows(WINDOWS),
    )


def _choose(measured: tuple[str, ...]) -> list[str]:
    """Let the reader choose both axes."""
    names = {ALL_HABITS[habit]: habit for habit in measured}
    chosen = []
    for place, key, label, first in zip(
        st.columns(2), ("habit_x", "habit_y"), ("Across", "Upwards"), FIRST, strict=True
    ):
        state.keep_possible(key, list(names), "habit")
        begin = list(measured).index(first) if first in measured else len(chosen)
        with place:
            name = st.selectbox(label, list(names), index=begin, key=key, **state.BOUND)
        chosen.append(names[name])
    return chosen


def _axis(found: HeldOutStudy, habit: str) -> Axis:
    """Return one habit of all heads, with its untrained band."""
    scores, at = found.scores, found.scores.habits.index(habit)
    band = None
    if found.band is not None:
        low, high = found.band.edges()
        band = (float(low[at].min()), float(high[at].max()))
    return Axis(
        ALL_HABITS[habit], scores.score[at], scores.low[at], scores.high[at], band
    )


def _pick() -> None:
    """Open the head that was clicked."""
    rows = st.session_state["head_scatter"]["selection"].get(PICKED) or []
    if rows:
        pick_head((int(rows[0]["layer"]), int(rows[0]["number"])))
