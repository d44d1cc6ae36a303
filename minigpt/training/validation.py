"""Evaluation during a training: on a few held-out batches, at the end on all.

Interim evaluations always use the same batches; otherwise the lowest loss might only
be that of the easiest text.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from torch import nn

from minigpt.errors import ConfigError
from minigpt.tokenizers.base import Tokenizer
from minigpt.training.distributed import Team
from minigpt.training.evaluate import Evaluation, evaluate_loss
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
        own_part = islice(self.batches, self.team.rank, limit, self.team.size)
        return evaluate_loss(
            self.model, own_part, self.tokenizer, self.team, self.objective
        )
