"""Many prompts' tour: one pair, all pairs, how sure a mean is, and other measures."""

from typing import NamedTuple

from minigpt.interpret.pairs.averages import Average
from minigpt.interpret.pairs.measures import ATTRIBUTION, SIDES
from pages.frame.controls.tour import Stop
from pages.intervene.many_prompts import numbers
from pages.intervene.many_prompts.figures import ALONG, LARGEST, MAP
from pages.intervene.many_prompts.layout import Cell, layout_of
from pages.intervene.many_prompts.rows import ALL
from pages.intervene.many_prompts.shown import CLEAN, CORRUPTED, Shown
from viz.pairs.means import in_words, signed

HEADS = "z"
"""What is patched on the tour."""


class _Told(NamedTuple):
    """What the stops speak of."""

    found: numbers.Measured
    names: dict[Cell, str]

    @property
    def average(self) -> Average:
        return self.found.average

    @property
    def count(self) -> int:
        return len(self.found.pairs)

    def mean(self, side: int, cell: Cell) -> str:
        """Say a mean with its interval."""
        found = self.average
        ends = (found.mean, found.low, found.high)
        return in_words(*(float(each[side, *cell]) for each in ends))


def stops(shown: Shown) -> list[Stop]:
    """Write the tour of a list of pairs.

    Args:
        shown: What is on the screen; the tour has its pairs and patches heads.
    """
    rows = shown.listed.rows
    found = numbers.measure(shown.checkpoint, rows, HEADS, None, lambda: None)
    names = layout_of(shown.checkpoint, HEADS, found.pairs).names
    told = _Told(found, names)
    return [*_pairs(told), *_sure(told), *_other_measures(shown, told)]


def _pairs(told: _Told) -> list[Stop]:
    """Look at one pair, and then at all."""
    average, number = told.average, told.found.numbers[0]
    values = average.values[0, CORRUPTED] / average.ways[0, CORRUPTED]
    alone: Cell = divmod(int(abs(values).argmax()), values.shape[1])
    (best,) = average.strongest(CORRUPTED)
    leads = int(average.leads(CORRUPTED)[best])
    same = "the same head" if best == alone else "another head"
    return [
        Stop(
            MAP.format(SIDES[CORRUPTED]),
            "Two prompts that differ in one thing: the same experiment as under Patch. "
            "What one head wrote after the clean prompt is put into the corrupted one. "
            f"In pair {number}, {told.names[alone]} does most: it moves the answer "
            f"{signed(float(values[alone]))} of the way. Is it the head for such "
            "prompts, or was that chance?",
            {
                "intervene": "Many prompts",
                "pairs_measure": "Patch",
                "pairs_patch": HEADS,
                "pairs_one": f"Pair {number}",
                "_pairs_mean": (CORRUPTED, *alone),
            },
        ),
        Stop(
            MAP.format(SIDES[CORRUPTED]),
            f"Here are all {told.count} pairs, and in each cell a mean. Now "
            f"{told.names[best]}, {same}, does most: {told.mean(CORRUPTED, best)}. In "
            f"{leads} of the {told.count} pairs it is the one that does most.",
            {"pairs_one": ALL, "_pairs_mean": (CORRUPTED, *best)},
        ),
    ]


def _sure(told: _Told) -> list[Stop]:
    """Say what an interval is, and where it holds 0."""
    average = told.average
    ranked = average.strongest(CORRUPTED, average.mean[CORRUPTED].size)
    unsure = [
        cell
        for cell in ranked
        if average.low[CORRUPTED, *cell] <= 0 <= average.high[CORRUPTED, *cell]
    ]
    (other,) = average.strongest(CLEAN)
    weak = unsure[0] if unsure else ranked[-1]
    words = (
        "the interval contains 0, so not even its sign is sure. That is so for "
        f"{len(unsure)} of the {len(ranked)} heads."
        if unsure
        else "the interval does not contain 0. Even the smallest of these means has a "
        "sign that is sure."
    )
    return [
        Stop(
            LARGEST,
            "How much would the mean change with other pairs? To find out, pairs are "
            "drawn anew from these, a thousand times, and 95% of the means lie within "
            "the grey line: the interval. The second largest mean is that of "
            f"{told.names[ranked[1]]}, {told.mean(CORRUPTED, ranked[1])}.",
            {"_pairs_mean": (CORRUPTED, *ranked[1])},
        ),
        Stop(
            MAP.format(SIDES[CORRUPTED]),
            f"The mean of {told.names[weak]} is {told.mean(CORRUPTED, weak)}: {words}",
            {"_pairs_mean": (CORRUPTED, *weak)},
        ),
        Stop(
            MAP.format(SIDES[CLEAN]),
            "The other way round: corrupted values go into the clean prompts. Which "
            f"head can the right answer least do without? It is {told.names[other]}: "
            f"{told.mean(CLEAN, other)} of the way is lost.",
            {"_pairs_mean": (CLEAN, *other)},
        ),
    ]


def _other_measures(shown: Shown, told: _Told) -> list[Stop]:
    """Measure the same pairs by attribution, and along the layers."""
    rows = shown.listed.rows
    found = numbers.measure(shown.checkpoint, rows, ATTRIBUTION, None, lambda: None)
    names = layout_of(shown.checkpoint, ATTRIBUTION, found.pairs).names
    (best,) = found.average.strongest(CLEAN)
    shares = _Told(found, names)
    return [
        Stop(
            MAP.format(SIDES[CLEAN]),
            "A patch counts whatever a head makes others do. Attribution counts only "
            "what each part itself adds to the answer's lead over its rival. After the "
            f"clean prompts, {names[best]} adds most: {shares.mean(CLEAN, best)} "
            "logits.",
            {"pairs_measure": "Attribution", "_pairs_mean": (CLEAN, *best)},
        ),
        Stop(
            ALONG,
            "And where on the way through the model do the two kinds of prompts come "
            "apart? The lens reads that lead after every part, as a mean over the "
            f"same {told.count} pairs, with its intervals.",
            {"pairs_measure": "Lens", "_pairs_mean": None},
        ),
    ]
