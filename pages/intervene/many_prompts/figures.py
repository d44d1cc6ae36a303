"""The figures of Many prompts: maps, dots and lines of means with their intervals."""

from functools import partial

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.pairs.averages import average_pairs, explain_average
from minigpt.interpret.pairs.held_out_pairs import held_out_pairs
from minigpt.interpret.pairs.measures import ATTRIBUTION, LENS, SIDES, points_of
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.interpret.pairs.tales_pairs import tales_pairs
from pages.frame import models, notebook, provenance
from pages.frame.place import dotted, linked, undotted, write
from pages.intervene.many_prompts.layout import Layout, layout_of
from pages.intervene.many_prompts.shown import CLEAN, CORRUPTED, Chosen, Shown
from viz.components.value_grid.view import value_grid
from viz.pairs.means import (
    in_words,
    lens_chart,
    lens_table,
    mean_grid,
    means_chart,
    means_table,
    signed,
)

MAP, LARGEST, ALONG = "pairs_map_{}", "pairs_largest", "pairs_along"
"""The regions of the part, by their keys."""

STRONGEST = 8
"""Means that are drawn with their intervals."""

DIFFERENCE = "logit(answer) − logit(rival)"

ENOUGH = 10
"""With fewer pairs, a bootstrapped interval is too narrow."""

ROUGH = (
    " So few pairs give an interval that is too narrow: take it as a rough guide, and "
    "add pairs."
)

PATCHES = {
    CORRUPTED: "Clean values into corrupted prompts",
    CLEAN: "Corrupted values into clean prompts",
}
SHARES = {CLEAN: "After clean prompts", CORRUPTED: "After corrupted prompts"}
"""Titles of the two maps, in the order to show."""


def show(shown: Shown) -> None:
    """Show the figures of one measure, and a sentence on what they say."""
    if shown.measure == LENS:
        _show_lens(shown)
        return
    layout = layout_of(shown.checkpoint, shown.measure, shown.found.pairs)
    titles = PATCHES if shown.is_patch else SHARES
    chosen = _chosen(shown, layout, next(iter(titles)))
    for place, side in zip(st.columns(2, gap="large"), titles, strict=True):
        with place:
            st.markdown(f"**{titles[side]}**")
            _show_map(shown, side, layout, chosen)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(_told(shown, layout.names[chosen[1:]], chosen))
        st.markdown(_how_often_right(shown))
        _show_origin(shown, layout.names[chosen[1:]], chosen)
    with right, st.container(key=LARGEST):
        _show_strongest(shown, layout, chosen[0], titles[chosen[0]])


def _how_often_right(shown: Shown) -> str:
    """Say on how many pairs the model does what it is asked to. Markdown."""
    count = len(shown.found.pairs)
    clean, corrupted = map(signed, shown.average.differences.mean(0).tolist())
    if count == 1:
        return (
            f"{shown.over}, {DIFFERENCE} is {clean} after the clean prompt and "
            f"{corrupted} after the corrupted one."
        )
    answers, rivals = shown.average.right
    words = (
        f"{shown.over}: the model prefers the answer after {answers} of {count} clean "
        f"prompts, and the rival after {rivals} of {count} corrupted ones. On average, "
        f"{DIFFERENCE} is {clean} after the clean prompts and {corrupted} after the "
        "corrupted ones."
    )
    return words + ROUGH * (count < ENOUGH)


def _show_map(shown: Shown, side: int, layout: Layout, chosen: Chosen) -> None:
    """Show the means of one side; a click chooses the one that is explained."""
    places = {
        cell: (row, column)
        for row, line in enumerate(layout.cells)
        for column, cell in enumerate(line)
    }
    grid = mean_grid(
        shown.values(side, layout.cells),
        layout.named(),
        shown.unit,
        rows=layout.rows,
        columns=layout.columns,
        row_title=layout.titles[0],
        column_title=layout.titles[1],
        limit=1.0 if shown.is_patch else None,
    )
    value_grid(
        grid,
        key=MAP.format(SIDES[side]),
        selected=places.get(chosen[1:]) if chosen[0] == side else None,
        on_select=partial(_choose, side, layout.cells),
    )
    _offer_code(shown, f"means, {SIDES[side]} prompts", side)


def _choose(
    side: int, cells: list[list[tuple[int, int]]], place: tuple[int, int] | None
) -> None:
    st.session_state["_pairs_mean"] = place and (side, *cells[place[0]][place[1]])


def _chosen(shown: Shown, layout: Layout, side: int) -> Chosen:
    """Return the mean that was clicked, or the strongest; keep the URL in step."""
    chosen = linked("pairs_mean", "_pairs_mean", undotted)
    fits = (
        chosen is not None
        and len(chosen) == 1 + 2
        and chosen[0] in (CLEAN, CORRUPTED)
        and tuple(chosen[1:]) in layout.names
    )
    write("pairs_mean", dotted(chosen) if fits else None)
    if fits:
        return (chosen[0], chosen[1], chosen[2])
    ((row, column),) = shown.average.strongest(side)
    return (side, row, column)


def _told(shown: Shown, name: str, chosen: Chosen) -> str:
    """Say what one mean says, so that it can be quoted. Markdown."""
    side, found = chosen[0], shown.average
    mean = in_words(
        *(float(each[chosen]) for each in (found.mean, found.low, found.high))
    )
    if shown.measure == ATTRIBUTION:
        said = f"adds {mean} logits to the difference between answer and rival."
    else:
        said = (
            f"moves the difference between answer and rival {mean} of the way to the "
            f"{SIDES[1 - side]} prompt's."
        )
    words = f"{shown.over}, {shown.done_to(name, side)} {said}"
    if (count := len(shown.found.pairs)) == 1:
        return words
    leads = int(found.leads(side)[chosen[1:]])
    return f"{words} In {leads} of the {count} pairs, nothing else here does more."


def _show_origin(shown: Shown, name: str, chosen: Chosen) -> None:
    """Show how one mean is worked out of the pairs."""
    side, *cell = chosen
    working = explain_average(
        shown.average, shown.found.numbers, side, (cell[0], cell[1])
    )
    what = f"{shown.measure}, {name}, {SIDES[side]} prompts"
    provenance.show_working(f"mean({what})", working, explain_average)


def _show_strongest(shown: Shown, layout: Layout, side: int, title: str) -> None:
    """Draw the strongest means of one side with their intervals."""
    cells = shown.average.strongest(side, STRONGEST)
    (mean,), (low,), (high,) = shown.values(side, [cells])
    st.markdown(f"**{title}**: the {len(cells)} largest")
    table = means_table([layout.names[cell] for cell in cells], (mean, low, high))
    st.vega_lite_chart(means_chart(table, shown.unit).spec)
    if len(shown.found.pairs) > 1:
        st.caption("Dot: the mean. Grey line: its 95% interval.")


def _show_lens(shown: Shown) -> None:
    """Draw the difference along the layers, and say where it turns."""
    points = [point.name for point in points_of(shown.checkpoint.model)]
    found = shown.average
    table = lens_table(points, found.mean[:, 0], found.low[:, 0], found.high[:, 0])
    with st.container(key=ALONG):
        st.vega_lite_chart(lens_chart(table, f"{DIFFERENCE} (logits)").spec)
    if len(shown.found.pairs) > 1:
        st.caption("Vertical lines: the 95% interval of each mean.")
    turn = found.told_apart
    at = len(points) - 1 if turn is None else turn
    clean, corrupted = (
        in_words(
            *(float(each[side, 0, at]) for each in (found.mean, found.low, found.high))
        )
        for side in (CLEAN, CORRUPTED)
    )
    told = (
        f"from **{points[at]}** on, the stream says the answer after clean prompts and "
        "the rival after corrupted ones"
        if turn is not None
        else "not even at the end does the stream say the answer after clean prompts "
        "and the rival after corrupted ones"
    )
    st.markdown(
        f"{shown.over}, {told}. There the difference is {clean} logits after the clean "
        f"and {corrupted} after the corrupted prompts."
    )
    st.markdown(_how_often_right(shown))
    _offer_code(shown, "lens", None)
    _show_origin(shown, points[at], (CLEAN, 0, at))


def _offer_code(shown: Shown, name: str, side: int | None) -> None:
    """Offer the lines that compute the means of one side, or of both."""
    path = models.chosen_path(models.chosen_entry())
    only = "" if shown.only is None else f"[{shown.only - 1} : {shown.only}]"
    begin = (
        "import minigpt\n\n"
        f"model, tokenizer, metadata = minigpt.load({str(path)!r})\n"
        f"rows = {shown.listed.call}{only}\n"
    )
    which = ".mean" if side is None else f".mean[{side}]"
    mean = shown.average.mean
    notebook.show(
        name,
        average_pairs,
        f"average_pairs(model, tokenizer, rows, {shown.measure!r}){which}",
        drawn=mean if side is None else mean[side],
        begin=begin,
        also=[Checkpoint, PairRow, tales_pairs, held_out_pairs],
    )
