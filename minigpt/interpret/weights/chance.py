"""What two heads' composition is by accident: the band that a real one must leave.

Turn one of two heads at random, so that nothing relates the directions that it writes
to those that the other reads. With σᵢ², τⱼ² their shares of the squared length, along
the directions i and j in which each is strongest, and R the random turn,

    score² = Σᵢⱼ σᵢ² τⱼ² Rᵢⱼ²,        mean = 1 / d,        d: dimensions of the stream

and the variance follows from the fourth moments of a random turn. So the band takes no
random models: it is exact for the heads at hand. Untrained heads are turned at random
already; a trained head that uses few directions gets a wider band than they do.

Before: `folded`. Next: `composition`.

Source: Collins & Śniady 2006, arXiv:math-ph/0402073, for the moments; the comparison
with random matrices is Elhage et al.'s (2021).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.heads.null_band import WIDTH

Pairs = Float[np.ndarray, "later head earlier earlier_head"]
ByHead = Float[np.ndarray, "layer head"]

TINY = 1e-18
"""Keeps a head without weights, and a stream of one dimension, from dividing by 0."""


@dataclass(frozen=True)
class Chance:
    """The squared score of two heads turned at random: mean and deviation."""

    mean: float
    """The same for any two heads: 1 / d."""
    deviation: Pairs
    """Of each pair; the fewer directions the two use, the larger."""

    def edges(self, width: float = WIDTH) -> tuple[Pairs, Pairs]:
        """Return where the band of the score begins and ends.

        Args:
            width: Standard deviations of the squared score to either side.
        """
        reach = width * self.deviation
        return np.sqrt(np.maximum(self.mean - reach, 0)), np.sqrt(self.mean + reach)

    def tail(self, scores: Pairs) -> Pairs:
        """Return how probable it is that chance gives at least these scores.

        From the gamma distribution of the same mean and variance: a weighted sum of
        squares, and skewed to the right where few directions are used.

        Args:
            scores: Of each pair; not squared.
        """
        known = ~np.isnan(scores)  # of not-a-number, torch adds up 2,000 terms
        shape = (self.mean / self.deviation[known]) ** 2
        tail = torch.special.gammaincc(
            torch.from_numpy(shape),
            torch.from_numpy(shape * scores[known] ** 2 / self.mean),
        )
        found = np.full(scores.shape, np.nan)
        found[known] = tail.numpy()
        return found


def chance_of(reading: ByHead, writing: ByHead, dimensions: int) -> Chance:
    """Work out the band of every pair of heads.

    Args:
        reading: The concentration of what each head reads with.
        writing: The concentration of what each head writes.
        dimensions: Of the part of the stream that can be read.
    """
    moments = fourth_moments(reading[:, :, None, None], writing, dimensions)
    mean = 1 / dimensions
    return Chance(mean, np.sqrt(np.maximum(moments - mean**2, TINY)))


def concentration(
    matrices: Float[Tensor, "head d_head d_model"],
) -> Float[np.ndarray, " head"]:
    """Return Σ σᵢ⁴ / (Σ σᵢ²)²: 1 for a single direction, 1 / n for n alike."""
    gram = (matrices @ matrices.mT).double()
    length = gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp_min(TINY)
    found: np.ndarray = (gram.square().sum((-2, -1)) / length.square()).cpu().numpy()
    return found


def fourth_moments(one: np.ndarray, other: np.ndarray, d: int) -> np.ndarray:
    """Return the mean of score⁴ over random turns of d dimensions.

        E[Rᵢⱼ⁴] = 3 / d(d + 2);   same row or column: 1 / d(d + 2);
        neither: (d + 1) / (d − 1) d(d + 2)

    Args:
        one: Concentration of the one head.
        other: Concentration of the other.
        d: Dimensions.
    """
    same, row = 3 * one * other, one + other - 2 * one * other
    apart = (1 - one) * (1 - other) * (d + 1) / max(d - 1, 1)
    moments: np.ndarray = (same + row + apart) / (d * (d + 2))
    return moments
