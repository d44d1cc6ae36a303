"""How much a pattern owes to queries and to keys: slopes in place of the softmax.

Take a key away, and the softmax of its row gives the weight to the others. Its
gradient says little of that: a weight near 1 has none, though all depends on the key.
So the softmax is replaced by the straight line between two states, the row as it is and
the row with the mean query, or with the mean key at one place:

    key:    slope[q, k] = (ḡ − ḡ with the mean key at k) / (score − score with it)
    query:  slope[q, k] = ∫ A_α (g − ḡ_α) dα    along the way from the mean query to q
    ḡ = Σ_k A[q, k] · g[q, k]                   g: what a weight is worth, in logits

Slope times what a part adds to a score is its share of the difference, and the shares
add up to it.

Next: `frozen`, which reads the model with these slopes.

Source: Kramár et al. 2024, arXiv:2403.00745 ("AtP*"), for what saturation does to
gradients of queries and keys; Sundararajan et al. 2017, arXiv:1703.01365, for the
integral.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Scores = Float[Tensor, "*batch head q_pos k_pos"]

PLACES = (0.0694318442, 0.3300094782, 0.6699905218, 0.9305681558)
WEIGHTS = (0.1739274226, 0.3260725774, 0.3260725774, 0.1739274226)
"""Gauss-Legendre's four places between 0 and 1."""

FLAT = 1e-3
"""Below this change of a score the line between two states is the tangent."""


class Read(NamedTuple):
    """What a layer's heads read in a text."""

    pattern: Scores
    scores: Scores
    """Masked: −∞ where nothing may be read."""
    by_query: Scores
    """What the query adds to each score beyond what the mean query would."""
    by_key: Scores
    """What the key adds beyond what the mean key would."""


def query_slopes(read: Read, worth: Scores) -> Scores:
    """Return the slopes along the way from the mean query to the query.

    Args:
        read: Pattern, scores and what they owe to query and key.
        worth: The gradient of the answer at each weight of the pattern.
    """
    slope = torch.zeros_like(worth)
    for place, weight in zip(PLACES, WEIGHTS, strict=True):
        pattern = (read.scores - (1 - place) * read.by_query).softmax(-1)
        mean = (pattern * worth).sum(-1, keepdim=True)
        slope += weight * pattern * (worth - mean)
    return slope


def key_slopes(read: Read, worth: Scores) -> Scores:
    """Return the slopes between a key and the mean key, each alone in its row.

    Arguments as for `query_slopes`.
    """
    pattern, change = read.pattern, read.by_key
    mean = (pattern * worth).sum(-1, keepdim=True)
    # The row with one score changed needs no second softmax. Of a weight near 1, the
    # others are added up one by one: 1 − weight would be lost in rounding.
    changed = pattern * (-change.clamp(-60, 60)).exp()
    not_itself = 1 - torch.eye(pattern.shape[-1], device=pattern.device)
    rest, others = pattern @ not_itself, (pattern * worth) @ not_itself
    after = (others + changed * worth) / (rest + changed).clamp(min=1e-30)
    is_flat = change.abs() < FLAT
    line = (mean - after) / torch.where(is_flat, 1.0, change)
    slope = torch.where(is_flat, pattern * (worth - mean), line)
    return slope.masked_fill(torch.isneginf(read.scores), 0.0)


class StraightPattern(torch.autograd.Function):
    """The pattern as it is, with slopes for gradients."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Scores:
        """Return the pattern.

        Args:
            ctx: Keeps what the slopes need.
            inputs: The scores twice, once as a gradient flows to the queries and once
                as it flows to the keys; then the fields of `Read`.
        """
        read = Read(*inputs[2:])
        ctx.save_for_backward(*read)
        return read.pattern.clone()

    @staticmethod
    def backward(ctx: Any, *worth: Any) -> Any:
        """Return the slopes times what each weight is worth."""
        read = Read(*ctx.saved_tensors)
        slopes = query_slopes(read, worth[0]), key_slopes(read, worth[0])
        return (*slopes, *[None] * len(read))
