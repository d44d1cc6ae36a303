"""How a head's score grows, step by step, in one training.

Before: `rerun`, the training. Next: `study`, which compares several.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from minigpt.interpret.influence.habit import HeadHabit, Weights
from minigpt.interpret.influence.rerun import Rerun


@dataclass
class Growth:
    """The score of one head, measured every few steps."""

    steps: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    """From 0 to 1."""

    def measure(self, habit: HeadHabit, rerun: Rerun) -> float:
        """Measure the score where a training stands, and return it."""
        rerun.model.eval()
        with torch.no_grad():
            weights: Weights = dict(rerun.model.named_parameters())
            score = habit.score(rerun.model, weights).item()
        self.steps.append(rerun.step)
        self.scores.append(score)
        return score

    def came(self, level: float) -> int | None:
        """Return the first step at which the score was a level or more; None: never.

        >>> Growth([0, 4, 8], [0.1, 0.4, 0.6]).came(0.4)
        4
        """
        pairs = zip(self.steps, self.scores, strict=True)
        return next((step for step, score in pairs if score >= level), None)


def halfway(scores: Sequence[float]) -> float:
    """Return the score halfway from the first to the last: there, a head has come."""
    return (scores[0] + scores[-1]) / 2
