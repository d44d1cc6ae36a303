"""What Many prompts shows: which pairs, which measure, and how that is said."""

from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.patching import CARRIED
from minigpt.interpret.pairs.averages import Average
from minigpt.interpret.pairs.measures import ATTRIBUTION, SIDES
from pages.frame.words import plain
from pages.intervene.many_prompts.numbers import Measured
from pages.intervene.many_prompts.rows import Rows
from viz.pairs.means import Values

CLEAN, CORRUPTED = range(len(SIDES))

Chosen = tuple[int, int, int]
"""Side, row and column of the mean that is explained."""


class Shown(NamedTuple):
    """What the figures are about."""

    checkpoint: Checkpoint
    listed: Rows
    measure: str
    only: int | None
    """The number of the one pair that is shown; None: all."""
    found: Measured

    @property
    def average(self) -> Average:
        """The means."""
        return self.found.average

    @property
    def is_patch(self) -> bool:
        """Whether values are patched."""
        return self.measure in CARRIED

    @property
    def unit(self) -> str:
        """What the means are."""
        return "of the way" if self.is_patch else "logits"

    @property
    def over(self) -> str:
        """Say what the means are over. Markdown."""
        if self.only is not None:
            return f"In **pair {self.only}** {self.listed.source}"
        count = len(self.found.pairs)
        pairs = "1 pair" if count == 1 else f"{count} pairs"
        return f"Over **{pairs}** {self.listed.source}"

    def done_to(self, name: str, side: int) -> str:
        """Say what is measured of one place. Markdown; the verb follows.

        Args:
            name: The place's, as a map has it.
            side: Which prompt is run.
        """
        if self.measure == ATTRIBUTION:
            return f"after the {SIDES[side]} prompt, **{plain(name)}**"
        what = "values" if self.measure == "values" else f"the {self.measure}"
        return (
            f"patching {what} of **{plain(name)}** from the {SIDES[1 - side]} into the "
            f"{SIDES[side]} prompt"
        )

    def values(self, side: int, cells: list[list[tuple[int, int]]]) -> Values:
        """Return the means of some cells and the ends of their intervals."""
        found = self.average
        mean, low, high = (
            [[each[side, row, column] for row, column in line] for line in cells]
            for each in (found.mean, found.low, found.high)
        )
        return mean, low, high
