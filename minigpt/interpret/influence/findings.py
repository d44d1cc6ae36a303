"""What a study of one head found, and how the proof came out.

Before: `backwards`, `growth`. Next: `study`, which makes these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from minigpt.interpret.influence.growth import Growth
from minigpt.interpret.influence.rerun import Window
from minigpt.interpret.provenance.working import Working, add_up, along


@dataclass(frozen=True)
class Found:
    """What each window did for a head."""

    influence: Float[np.ndarray, "step row pos"]
    """By how much the score at step `formed` would rise if the loss of a label counted
    twice, at the slope at which it begins to; of all that was read until then."""
    formed: int
    """Steps after which the head had formed."""
    level: float
    """The score that means so."""
    growth: Growth
    """Of the original."""
    drift: Mapping[int, float]
    """How far the weights lie from the run's own copies of some steps: see `drift`."""

    @cached_property
    def windows(self) -> Float[np.ndarray, "step row"]:
        """The same for whole windows: the sums over their labels."""
        sums: Float[np.ndarray, "step row"] = self.influence.sum(-1)
        return sums

    @cached_property
    def ranked(self) -> list[Window]:
        """All windows, the most helpful first."""
        order = np.argsort(-self.windows, axis=None, kind="stable")
        steps, rows = np.unravel_index(order, self.windows.shape)
        pairs = zip(steps.tolist(), rows.tolist(), strict=True)
        return [Window(step, row) for step, row in pairs]

    @property
    def half(self) -> int:
        """The first steps that had half of all influence, its sign aside."""
        so_far = np.abs(self.windows).sum(1).cumsum()
        return int(np.searchsorted(so_far, so_far[-1] / 2)) + 1

    def of_tokens(self, window: Window) -> Float[np.ndarray, " token"]:
        """Return what it did to learn to predict each token of a window.

        Nothing predicts the first one: it is not-a-number.
        """
        return np.append(np.nan, self.influence[window.step, window.row])

    def explain(self, window: Window) -> Working:
        """Work out the influence of one window, label by label."""
        values = self.influence[window.step, window.row].astype(np.float64)
        operands = along("pos", {"influence of its label": values})
        return add_up("influence(window) = Σ influence(label)", operands, values)


@dataclass(frozen=True)
class Proof:
    """The same training three times."""

    removed: int
    """Windows that were taken out, each time."""
    level: float
    """The score at which the head has formed."""
    last: int
    """The step until which all three were watched."""
    original: Growth
    without_top: Growth
    without_random: Growth

    @property
    def trainings(self) -> tuple[Growth, Growth, Growth]:
        """All three, the original first."""
        return self.original, self.without_top, self.without_random

    def later(self, growth: Growth) -> float | None:
        """Return by what share of its steps the head formed later than in the original.

        None: it had not formed when the run was no longer watched.
        """
        return _later(self.original.formed(self.level), growth.formed(self.level))

    def any_later(self, growth: Growth) -> float | None:
        """Return the same for the first head, whichever, that had the score."""
        first, now = (each.any_formed(self.level) for each in (self.original, growth))
        return _later(first, now)

    def is_another_heads(self, growth: Growth) -> bool:
        """Whether another head took the place of the one that formed later.

        That is: the model's first head with the score was less than half as late.
        """
        own, any_head = self.later(growth), self.any_later(growth)
        if any_head is None:
            return False
        return own is None or (own > 0 and any_head < own / 2)

    @property
    def tells_apart(self) -> bool:
        """Whether the windows that helped matter more than others at random."""
        own, others = self.later(self.without_top), self.later(self.without_random)
        return others is not None and (own is None or own > others)


def _later(first: int | None, now: int | None) -> float | None:
    return None if now is None or not first else now / first - 1
