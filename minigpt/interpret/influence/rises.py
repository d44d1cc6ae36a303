"""What grew in a head during its run: the habits that can be traced back.

Before: the scores of `minigpt.interpret.heads.held_out_scores`. Next: `habit`.
"""

import math
from typing import NamedTuple

from minigpt.hooks import Hooked
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.habits import HabitCells
from minigpt.interpret.heads.held_out_scores import ByHabit, summarize, weight_on

LEAST_RISE = 0.1
"""A head whose score rises less has no step at which it formed."""


class Rise(NamedTuple):
    """What became of one habit of a head in the run."""

    habit: str
    first: float
    """The untrained head's score; not-a-number where no copy of it was kept …"""
    last: float
    """… and that at the end."""

    @property
    def size(self) -> float:
        """How far the score rose; from 0, where its beginning is not known."""
        return self.last if math.isnan(self.first) else self.last - self.first


def scores_of(model: Hooked, windows: Windows, habits: HabitCells) -> ByHabit:
    """Return the scores of all heads by every habit that some windows show.

    Args:
        model: Some step of the run.
        windows: Ids, [window pos].
        habits: Of these windows.
    """
    return summarize(weight_on(model, windows, habits.cells), habits).score


def rises(
    habits: HabitCells,
    scores: tuple[ByHabit | None, ByHabit],
    layer: int,
    head: int,
) -> list[Rise]:
    """Return the habits of a head that grew in its run, the largest rise first.

    Args:
        habits: Those that were measured.
        scores: Untrained, where that is known, and at the end: see `scores_of`.
        layer: Whose head.
        head: Which one.
    """
    untrained, last = scores
    found = [
        Rise(
            habit,
            math.nan if untrained is None else float(untrained[at, layer, head]),
            float(last[at, layer, head]),
        )
        for at, habit in enumerate(habits.cells)
    ]
    grown = [each for each in found if each.size >= LEAST_RISE]
    return sorted(grown, key=lambda each: -each.size)
