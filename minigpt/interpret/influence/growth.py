"""How a head's score grows, step by step, in one training.

Before: `rerun`, the training. Next: `study`, which compares several.
"""

from dataclasses import dataclass, field

import torch

from minigpt.interpret.influence.habit import HeadHabit, Weights
from minigpt.interpret.influence.rerun import Rerun

RESOLUTION = 32
"""The score is measured at each step at first, and later so many times while the number
of steps doubles: when a head formed is known to 3%."""


@dataclass
class Growth:
    """The score of one head, measured every few steps, and the best of all heads."""

    steps: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    """Of the head, from 0 to 1."""
    best: list[float] = field(default_factory=list)
    """The highest score that any head of the model has by the same habit: the work may
    fall to another one."""

    def measure(self, habit: HeadHabit, rerun: Rerun) -> None:
        """Measure the scores where a training stands."""
        rerun.model.eval()
        with torch.no_grad():
            weights: Weights = dict(rerun.model.named_parameters())
            scores = habit.scores(rerun.model, weights)
        self.steps.append(rerun.step)
        self.scores.append(scores[habit.layer, habit.head].item())
        self.best.append(scores.max().item())

    def follow(self, habit: HeadHabit, rerun: Rerun) -> None:
        """Let a training take a step, and measure the scores if it is time."""
        rerun.advance()
        every = max(1, rerun.step // RESOLUTION)
        if rerun.step % every == 0 or rerun.step == rerun.total:
            self.measure(habit, rerun)

    def formed(self, level: float) -> int | None:
        """Return the first step at which the head had a score; None: at none.

        >>> Growth([0, 4, 8], [0.1, 0.4, 0.6]).formed(0.4)
        4
        """
        return _first(self.steps, self.scores, level)

    def any_formed(self, level: float) -> int | None:
        """Return the first step at which any head had that score; None: at none."""
        return _first(self.steps, self.best, level)

    def until(self, last: int) -> "Growth":
        """Return what was measured up to a step."""
        count = sum(step <= last for step in self.steps)
        return Growth(self.steps[:count], self.scores[:count], self.best[:count])


def _first(steps: list[int], scores: list[float], level: float) -> int | None:
    reached = (s for s, score in zip(steps, scores, strict=True) if score >= level)
    return next(reached, None)
