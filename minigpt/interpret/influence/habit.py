"""How far a head has come: the weight that it puts where its habit says.

The score is that of `minigpt.interpret.heads.held_out_scores`, for one head and one
habit. Here it is computed by torch, so that it has a gradient.

Next: `rerun`, which watches the score grow.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from minigpt.errors import DataError
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.habits import Cells
from minigpt.model import TransformerLM

Weights = dict[str, Tensor]
"""A model's parameters by name."""


@dataclass(frozen=True)
class HeadHabit:
    """One head, and one habit on some windows of text.

    Raises:
        DataError: If no window has a place for the habit.
    """

    layer: int
    head: int
    windows: Windows
    """Ids that the model does not learn from, [window pos]."""
    cells: Cells
    """For each query, the keys that the habit reads."""

    def __post_init__(self) -> None:
        """Check that there is something to measure."""
        if not self.cells.any():
            raise DataError("No window has a place for this habit: choose another.")

    def scores(
        self, model: TransformerLM, weights: Weights
    ) -> Float[Tensor, "layer head"]:
        """Return every head's mean weight on the habit's keys.

            score = Σ pattern · cells / number of queries that have such keys

        Args:
            model: In evaluation mode: its shape. Dropout would blur the weights.
            weights: Its parameters at some step; the scores have a gradient by them.

        Returns:
            From 0 to 1.
        """
        patterns: list[Tensor] = []

        def record(pattern: Tensor, hook: object) -> None:  # noqa: ARG001
            patterns.append(pattern.float())

        with model.hooks([("*.attn.hook_pattern", record)]):
            functional_call(model, weights, (torch.tensor(self.windows),))
        cells = torch.tensor(self.cells)
        on_cells = [(pattern * cells[:, None]).sum((0, 2, 3)) for pattern in patterns]
        return torch.stack(on_cells) / cells.any(-1).sum()

    def score(self, model: TransformerLM, weights: Weights) -> Float[Tensor, ""]:
        """Return the head's own score: see `scores`."""
        return self.scores(model, weights)[self.layer, self.head]
