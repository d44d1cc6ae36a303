"""A straight line through logarithms: how the loss falls with a model's size.

    ln L = ln a − b · ln N        that is        L = a / N^b

N are the weights. What looks like diminishing returns on ordinary axes is one line on
logarithmic ones: each doubling of N multiplies L by the same factor, 2^−b.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361,
equation 1.1.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minigpt.errors import DataError


class PowerLaw(NamedTuple):
    """A line on logarithmic axes."""

    slope: float
    """Of ln loss over ln weights: below 0 where larger is better."""
    intercept: float
    """ln of the loss at one weight."""

    def loss(self, weights: float) -> float:
        """Return the loss on the line, in nats."""
        return math.exp(self.intercept + self.slope * math.log(weights))

    @property
    def doubling(self) -> float:
        """What a loss is multiplied by where the weights double."""
        return float(2**self.slope)


def fit_power_law(weights: Sequence[float], losses: Sequence[float]) -> PowerLaw:
    """Fit the line by least squares on the logarithms.

        slope = Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²,   intercept = ȳ − slope · x̄

    Args:
        weights: Sizes of two models or more, not all alike.
        losses: Theirs, in nats; above 0.

    Raises:
        DataError: If they do not determine a line.
    """
    if len(weights) != len(losses) or len(set(weights)) < 2:
        raise DataError("A line takes the losses of two sizes at least.")
    if min(*weights, *losses) <= 0:
        raise DataError("Only sizes and losses above 0 have a logarithm.")
    x, y = np.log(np.asarray(weights, float)), np.log(np.asarray(losses, float))
    away = x - x.mean()
    slope = float(away @ (y - y.mean()) / (away @ away))
    return PowerLaw(slope, float(y.mean() - slope * x.mean()))
