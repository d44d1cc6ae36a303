"""What a change inside a model does to its next word: before, after, and how far apart.

Before: `interventions`, which make the change. Next: `viz.effects`, which draws it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Effect:
    """The next token's distribution at one position, before and after a change."""

    before: Float[np.ndarray, " vocab"]
    """Probabilities, which sum to 1."""
    after: Float[np.ndarray, " vocab"]
    kl: float
    """KL(before ‖ after) in nats: 0 if nothing changed."""
    before_logits: Float[np.ndarray, " vocab"]
    after_logits: Float[np.ndarray, " vocab"]


def compare_logits(
    before: Float[Tensor, " vocab"], after: Float[Tensor, " vocab"]
) -> Effect:
    """Compare two distributions of the next token.

        KL(before ‖ after) = Σ before · ln(before / after)

    How many nats it costs, on average, to expect `after` where `before` is drawn.

    Args:
        before: Logits without the change.
        after: Logits with it.

    Raises:
        ValueError: If they are not two vectors of one length.

    Source: Kullback & Leibler 1951, "On Information and Sufficiency".
    """
    if before.ndim != 1 or before.shape != after.shape:
        raise ValueError(
            "Two distributions over one vocabulary are compared, [vocab] each, not "
            f"{list(before.shape)} and {list(after.shape)}."
        )
    log_before, log_after = (
        before.float().log_softmax(-1),
        after.float().log_softmax(-1),
    )
    return Effect(
        before=_array(log_before.exp()),
        after=_array(log_after.exp()),
        kl=float(divergence(log_before, log_after)),
        before_logits=_array(before),
        after_logits=_array(after),
    )


def divergence(
    log_before: Float[Tensor, "*batch vocab"], log_after: Float[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch"]:
    """Return KL(before ‖ after) in nats of distributions given as log-probabilities.

    Never below 0: rounding alone could take it there.
    """
    # A token that is impossible before (−inf) costs nothing, whatever it is after.
    terms = torch.where(
        log_before.isneginf(), 0.0, log_before.exp() * (log_before - log_after)
    )
    return terms.sum(-1).clamp(min=0)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
