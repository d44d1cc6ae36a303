"""The loss: how surprised the model was, in nats per token.

A model gives each possible next token a probability. The loss of one token is −ln of
the probability of the token that came next: 0 if the model was sure and right,
ln(vocab) if it gave all tokens the same probability.

Before: the model's logits. Next: the gradient, and the optimizer.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.hooks import LossFunction

IGNORED = -100
"""The label of a position that teaches nothing: padding, or a prompt."""


def language_model_loss(
    logits: Float[Tensor, "batch pos vocab"],
    labels: Int[Tensor, "batch pos"],
    reduction: Literal["mean", "sum"] = "mean",
) -> Float[Tensor, ""]:
    """Compute the cross-entropy: how surprising the tokens that came next were.

        loss = −1/N Σ ln softmax(logits[b, p])[labels[b, p]]

    over the N positions whose label is not −100. Labels are already shifted: the label
    of a position is the token *after* it.

    Args:
        logits: Scores of every possible next token.
        labels: The next tokens' ids, or −100.
        reduction: The mean per token, or the sum over tokens.

    Returns:
        The loss in nats, a scalar; 0 if there are no labels at all.

    Source: Shannon 1951, "Prediction and Entropy of Printed English".
    """
    # Half-precision logits would lose the small differences that the loss is made of.
    total = F.cross_entropy(
        logits.flatten(0, 1).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
    )
    if reduction == "sum":
        return total
    return total / count_labels(labels).clamp(min=1)


def next_token_loss(tokens: Sequence[int]) -> LossFunction:
    """Return the loss of one text as a function of its logits.

    Every token but the first is the label of the position before it; after the last
    there is nothing to predict.

    Args:
        tokens: Ids, two at least.

    Returns:
        Maps logits [1 pos vocab] to the mean loss in nats per token.

    Raises:
        DataError: If there is nothing to predict.
    """
    if len(tokens) < 2:
        raise DataError(
            "The loss compares each token with the one before it: this text has "
            f"{len(tokens)} token, so type at least one more."
        )

    def loss(logits: Tensor) -> Tensor:
        labels = torch.tensor([list(tokens[1:])], device=logits.device)
        return language_model_loss(logits[:, :-1], labels)

    return loss


def count_labels(labels: Int[Tensor, "batch pos"]) -> Int[Tensor, ""]:
    """Count the positions that the loss looks at."""
    return (labels != IGNORED).sum()
