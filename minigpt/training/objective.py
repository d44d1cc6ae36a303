"""The objective: what a batch's loss is, as a sum over things that are counted.

Pretraining and supervised fine-tuning count tokens. Preference tuning counts pairs of
answers (`minigpt.finetuning.preferences`). The step, the evaluation and the trainer are
the same for all.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

from minigpt.training.loss import count_labels, language_model_loss


class BatchLoss(NamedTuple):
    """What an objective made of a batch."""

    total: Float[Tensor, ""]
    """Sum of the losses, in nats."""
    measures: Mapping[str, float] = MappingProxyType({})
    """Other sums over the same things, by name."""


@runtime_checkable
class Objective(Protocol):
    """What the trainer minimises."""

    unit: str
    """What is counted, in the singular."""

    def count(self, labels: Int[Tensor, "batch pos"]) -> Int[Tensor, ""]:
        """Count what the loss is a mean of."""
        ...

    def outcome(
        self,
        forward: nn.Module,
        inputs: Int[Tensor, "batch pos"],
        labels: Int[Tensor, "batch pos"],
    ) -> BatchLoss:
        """Run the model, and sum the losses."""
        ...


class NextToken:
    """Predict the next token: the cross-entropy of each label."""

    unit = "token"

    def count(self, labels: Int[Tensor, "batch pos"]) -> Int[Tensor, ""]:
        """Count the positions that the loss looks at."""
        return count_labels(labels)

    def outcome(
        self,
        forward: nn.Module,
        inputs: Int[Tensor, "batch pos"],
        labels: Int[Tensor, "batch pos"],
    ) -> BatchLoss:
        """Sum the cross-entropy over the labels; there is nothing else to measure."""
        return BatchLoss(language_model_loss(forward(inputs), labels, "sum"))
