"""Predict and Check of Many prompts: what one pair shows, and what holds on average."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from pages.frame.questions import Question
from pages.frame.words import plain
from pages.intervene.many_prompts.figures import STRONGEST
from pages.intervene.many_prompts.layout import Cell, Layout, layout_of
from pages.intervene.many_prompts.rows import ALL
from pages.intervene.many_prompts.shown import CLEAN, CORRUPTED, Chosen, Shown
from pages.intervene.questions import OPTIONS
from viz.pairs.means import signed

SIDES_ASKED = (CORRUPTED, CLEAN)
"""Which prompts are run, in the order of the page."""

NEAR = 1.05
"""The largest mean must be this many times the next, or both could be said."""

QUARTERS = 4
"""Into so many ranges a number of pairs is divided, to choose among."""

PRINTED = 0.005
"""The end of an interval that is nearer to 0 is printed as 0."""

LARGEST = 12
"""Means of each side that are asked about."""

FIRST = 0
"""The place of the largest: the tour tells in how many pairs it leads."""


def on_average(shown: Shown) -> Iterator[Question]:
    """Ask whether what is largest in one pair is largest over all of them."""
    average, count = shown.found.average, len(shown.found.pairs)
    layout = layout_of(shown.checkpoint, shown.measure, shown.found.pairs)
    groups = [("", list(layout.names)), *_rows(layout)]
    for turn, ((of_row, cells), side) in enumerate(product(groups, SIDES_ASKED)):
        means = {cell: float(average.mean[side, *cell]) for cell in cells}
        best, *others = sorted(cells, key=lambda cell: -abs(means[cell]))
        if not others or abs(means[best]) < NEAR * abs(means[others[0]]):
            continue
        pair = turn % count
        values = average.values[pair, side] / average.ways[pair, side]
        alone = max(cells, key=lambda cell: abs(float(values[cell])))
        options = sorted(list(dict.fromkeys([best, alone, *others]))[:OPTIONS])
        yield Question(
            "intervene.on_average",
            f"In pair {shown.found.numbers[pair]} alone, "
            f"{shown.done_to(layout.names[alone], side)} does most{of_row}: "
            f"{signed(float(values[alone]))} {shown.unit}. What does most{of_row} on "
            f"average over all {count} pairs?",
            [layout.names[cell] for cell in options],
            options.index(best),
            f"{plain(layout.names[best])} has the largest mean, {signed(means[best])} "
            f"{shown.unit}; next comes {plain(layout.names[others[0]])} with "
            f"{signed(means[others[0]])}.",
            _at(),
        )


def checks(shown: Shown) -> list[Iterator[Question]]:
    """Return the kinds of questions about means over pairs."""
    return [_leads(shown), _sure(shown)]


def _leads(shown: Shown) -> Iterator[Question]:
    """Ask in how many pairs something does most, which does much on average."""
    average, names = shown.found.average, _names(shown)
    count = len(shown.found.pairs)
    limits = [count * part // QUARTERS for part in range(1, QUARTERS)]
    if not limits[0]:
        return  # too few pairs to be told apart
    starts = [0, *(limit + 1 for limit in limits)]
    ends = [*limits, count]
    for place, side in product((*range(1, LARGEST), FIRST), SIDES_ASKED):
        cells = average.strongest(side, LARGEST)
        if place >= len(cells):
            continue
        leads = int(average.leads(side)[cells[place]])
        mean = float(average.mean[side, *cells[place]])
        yield Question(
            "intervene.pairs_led",
            f"Over all {count} pairs, {shown.done_to(names[cells[place]], side)} has a "
            f"mean of {signed(mean)} {shown.unit}. In how many pairs does nothing else "
            "do more?",
            [f"in {start} to {end}" for start, end in zip(starts, ends, strict=True)],
            sum(leads > limit for limit in limits),
            f"In {leads} of {count}.",
            _at((side, *cells[place])),
        )


def _sure(shown: Shown) -> Iterator[Question]:
    """Ask whether the sign of a mean is sure."""
    average, names = shown.found.average, _names(shown)
    drawn = range(STRONGEST)  # of which the interval is in the figure
    for place, side in product((*drawn[::-1], *range(STRONGEST, LARGEST)), SIDES_ASKED):
        cells = average.strongest(side, LARGEST)
        if place >= len(cells):
            continue
        where = (side, *cells[place])
        low, high = (float(each[where]) for each in (average.low, average.high))
        if not min(abs(low), abs(high)) > PRINTED:  # or there is none, of one pair
            continue
        yield Question(
            "intervene.sign_is_sure",
            f"Over all {len(shown.found.pairs)} pairs, "
            f"{shown.done_to(names[cells[place]], side)} has a mean of "
            f"{signed(float(average.mean[where]))} {shown.unit}. Is the sign of this "
            "mean sure?",
            ("no: its interval contains 0", "yes: its interval does not contain 0"),
            int(low > 0 or high < 0),
            f"Its 95% interval goes from {signed(low)} to {signed(high)}.",
            _at(where),
        )


def _rows(layout: Layout) -> list[tuple[str, list[Cell]]]:
    """Return the rows of a map with words for them."""
    return [
        (f" of the row {plain(name)}", cells)
        for name, cells in zip(layout.rows, layout.cells, strict=True)
    ]


def _names(shown: Shown) -> dict[Cell, str]:
    return layout_of(shown.checkpoint, shown.measure, shown.found.pairs).names


def _at(mean: Chosen | None = None) -> dict[str, Any]:
    """Return the session state that shows all pairs, and how one mean is made."""
    place = {"intervene": "Many prompts", "pairs_one": ALL}
    return place if mean is None else {**place, "_pairs_mean": mean}
