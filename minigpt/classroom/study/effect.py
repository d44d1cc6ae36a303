"""The difference between two arms, with its 95% interval, and how sure one may be.

    difference = mean(locked) − mean(free)      of what learners gained, in items
    interval   = difference ± t · se            Welch: the arms may vary unequally
    g          = J · difference / s             Hedges' g: in standard deviations

Sources: Welch 1947 (Biometrika 34:28) for the interval; Hedges 1981 (J. Educ. Stat.
6:107) for g and J; Hedges and Olkin 1985, p. 86, for the interval of g.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from minigpt.errors import DataError

FEW = 20
"""Learners in an arm below which an interval is too wide to be the last word."""
_NORMAL = 1.959964
"""The quantile of a normal distribution that leaves 2.5 % above it."""


@dataclass(frozen=True)
class Interval:
    """A number with its 95% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, half: float) -> Self:
        """Return the interval that reaches as far down as up."""
        return cls(value, value - half, value + half)

    @property
    def has_zero(self) -> bool:
        """Whether no difference is among what the data allow."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Effect:
    """What one arm gained more than the other."""

    locked: int
    """Learners whose gain is known."""
    free: int
    means: tuple[float, float]
    """Of the locked and the free arm's gains, in items."""
    difference: Interval
    """In items."""
    g: Interval
    """In standard deviations."""


def effect_of(locked: Sequence[float], free: Sequence[float]) -> Effect:
    """Compare what the learners of two arms gained.

    Args:
        locked: Gain of each learner who had to predict, in items.
        free: Of each who had not.

    Raises:
        DataError: If an arm has fewer than two learners, or in each all are equal.
    """
    if min(len(locked), len(free)) < 2:
        raise DataError(
            f"{len(locked)} and {len(free)} learners have taken both tests, and there "
            "is no interval with fewer than two in each arm. Wait for more."
        )
    one, other = np.asarray(locked, float), np.asarray(free, float)
    if one.var() == other.var() == 0:
        raise DataError(
            "Within each arm, all learners gained the same, so nothing tells how much "
            "another class would differ. Wait for more."
        )
    difference = float(one.mean() - other.mean())
    half, pooled = _welch(one, other), _pooled(one, other)
    return Effect(
        len(one),
        len(other),
        (float(one.mean()), float(other.mean())),
        Interval.around(difference, half),
        _hedges(difference / pooled, len(one), len(other)),
    )


def t_quantile(df: float) -> float:
    """Return what Student's t stays below with a probability of 97.5 %.

    With t = √df · tan θ, the density of θ is cos^(df−1) θ, which is summed up here.

    >>> [round(t_quantile(df), 3) for df in (1, 10, 100)]
    [12.706, 2.228, 1.984]

    Args:
        df: Degrees of freedom, at least 1.
    """
    theta = np.linspace(0, math.pi / 2, 20_001)
    density = np.cos(theta) ** (df - 1)
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return math.sqrt(df) * math.tan(np.interp(0.95, below / below[-1], theta))


def _welch(one: Float[np.ndarray, " a"], other: Float[np.ndarray, " b"]) -> float:
    """Return half the width of the interval of a difference of means."""
    squares = [arm.var(ddof=1) / len(arm) for arm in (one, other)]
    below = sum(
        square**2 / (len(arm) - 1)
        for square, arm in zip(squares, (one, other), strict=True)
    )
    return t_quantile(sum(squares) ** 2 / below) * math.sqrt(sum(squares))


def _pooled(one: Float[np.ndarray, " a"], other: Float[np.ndarray, " b"]) -> float:
    """Return the standard deviation within the arms."""
    freedom = len(one) + len(other) - 2
    squares = sum(arm.var(ddof=1) * (len(arm) - 1) for arm in (one, other))
    return math.sqrt(squares / freedom)


def _hedges(d: float, one: int, other: int) -> Interval:
    """Correct d for small arms: J = Γ(m/2) / (√(m/2) Γ((m−1)/2)), m = n₁ + n₂ − 2."""
    m = one + other - 2
    log_j = math.lgamma(m / 2) - math.lgamma((m - 1) / 2) - math.log(m / 2) / 2
    g = math.exp(log_j) * d
    variance = (one + other) / (one * other) + g**2 / (2 * (one + other))
    return Interval.around(g, _NORMAL * math.sqrt(variance))


def in_words(effect: Effect, tests: str) -> str:
    """Say an effect in a sentence to be quoted, and how far it carries.

    Args:
        effect: What `effect_of` found.
        tests: Between which tests the gain lies: `from before to after the lesson`.
    """
    interval, g = effect.difference, effect.g
    said = (
        f"Learners who had to predict first (n = {effect.locked}) gained "
        f"{_written(effect.means[0])} of 12 items {tests}, learners who could look at "
        f"once (n = {effect.free}) {_written(effect.means[1])}: a difference of "
        f"{_signed(interval.value, 1)} items, 95% interval {_signed(interval.low, 1)} "
        f"to {_signed(interval.high, 1)}; Hedges’ g = {_signed(g.value)}, "
        f"{_signed(g.low)} to {_signed(g.high)}."
    )
    if interval.has_zero:
        said += " The interval includes 0: these data do not tell which arm is better."
    if min(effect.locked, effect.free) < FEW:
        said += (
            f" With fewer than {FEW} learners in an arm this is a first look: repeat "
            "it with another class before you rely on it."
        )
    return said


def _written(value: float) -> str:
    return f"{value:z.1f}".replace("-", "−")


def _signed(value: float, decimals: int = 2) -> str:
    """Write a number with its sign; what rounds to zero has none."""
    rounded = f"{value:z.{decimals}f}"
    return f"{value:+.{decimals}f}".replace("-", "−") if float(rounded) else rounded
