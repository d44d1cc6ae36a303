"""Evaluation during a training: on a few held-out batches, at the end on all.

Interim evaluations always use the same batches; otherwise the lowest loss might only
be that of the easiest text.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn

from minigpt.errors import ConfigError
from minigpt.tokenizers.base import Tokenizer
from minigpt.training.batches import to_batch
from minigpt.training.distributed import Team
from minigpt.training.evaluate import Evaluation, evaluate_loss
from minigpt.training.loss import IGNORED
from minigpt.training.objective import Objective


class Validation:
    """Evaluates one model on one held-out text.

    Args:
        model: The model.
        batches: Held-out batches, the same at each pass; None if there are none.
        limit: Batches of an interim evaluation (none: all).
        tokenizer: To count characters.
        team: The processes that share the work.
        objective: What the loss is.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Iterable[Any] | None,
        limit: int | None,
        tokenizer: Tokenizer | None,
        team: Team,
        objective: Objective,
    ) -> None:
        self.model, self.batches, self.limit = model, batches, limit
        self.tokenizer, self.team, self.objective = tokenizer, team, objective

    @property
    def is_possible(self) -> bool:
        """Whether there is held-out text."""
        return self.batches is not None

    @property
    def quick_look_is_complete(self) -> bool:
        """Whether an interim evaluation uses all batches."""
        if self.limit is None:
            return True
        try:
            return len(self.batches) <= self.limit  # type: ignore[arg-type]
        except TypeError:  # a stream of unknown length
            return False

    def quick_look(self) -> Evaluation:
        """Evaluate on the first batches. Errors: see `complete`."""
        return self._evaluate(self.limit)

    def complete(self) -> Evaluation:
        """Evaluate on all batches.

        Raises:
            ConfigError: If there is no held-out text.
            DataError: If it is empty.
        """
        return self._evaluate(None)

    def _evaluate(self, limit: int | None) -> Evaluation:
        if self.batches is None:
            raise ConfigError(
                "There is nothing to evaluate on: give the Trainer an eval_dataloader."
            )
        own = self._own_batches(islice(self.batches, limit))
        return evaluate_loss(self.model, own, self.tokenizer, self.team, self.objective)

    def _own_batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield every size-th batch; where the last are too few, one without labels.

        So all processes run the model equally often, which parts of a model ask for.
        """
        while together := list(islice(batches, self.team.size)):
            if self.team.rank < len(together):
                yield together[self.team.rank]
            else:
                inputs, labels = to_batch(together[0], "cpu")
                yield inputs, torch.full_like(labels, IGNORED)
