"""One weight's step with its real numbers, as one would do it on paper.

Before: `steps`, which moves all weights at once. Every weight of a matrix has the same
lines, with numbers of its own.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minigpt.interpret.learning.matrix_step import MatrixStep
from minigpt.interpret.provenance.working import bare, number, spell_sum


@dataclass(frozen=True)
class Line:
    """One line of the calculation."""

    symbol: str
    """What is worked out: `m`, `w`."""
    formula: str
    """In symbols."""
    arithmetic: str
    """With the numbers of this weight."""
    value: float
    """What they give, in double precision."""


def spell_step(step: MatrixStep, row: int, column: int) -> list[Line]:
    """Work out one weight's step, line by line; the last is the weight afterwards.

    Args:
        step: The matrix before and after.
        row: Place in the matrix.
        column: Likewise.
    """
    place = row, column
    w, g = float(step.weight[place]), float(step.gradient[place])
    remembered = {name: float(each[place]) for name, each in step.averages.items()}
    if step.rule == "AdamW":
        return _adamw(step, w, g, remembered)
    if step.rule == "Muon":
        assert step.direction is not None
        return _muon(step, (w, g), remembered["m"], float(step.direction[place]))
    rate = step.settings["lr"]
    return [
        Line("w", "w − lr · g", f"{bare(w)} − {bare(rate)} × {number(g)}", w - rate * g)
    ]


def moved_by_gradient(step: MatrixStep, row: int, column: int) -> float:
    """Return how far the gradient moved one weight: the update without the decay."""
    decay = step.settings["lr"] * step.settings.get("weight_decay", 0.0)
    shrunk = float(step.weight[row, column]) * (1 - decay)
    return spell_step(step, row, column)[-1].value - shrunk


def spell_mean(losses: Float[np.ndarray, "label"]) -> str:
    """Write the mean of some losses with its largest terms.

    >>> spell_mean(np.array([1.5, 0.5]))
    '(1.5 + 0.5) / 2'
    """
    return f"({spell_sum(map(number, losses.tolist()), losses)}) / {len(losses)}"


def _adamw(
    step: MatrixStep, w: float, g: float, remembered: dict[str, float]
) -> list[Line]:
    lr, decay, beta1, beta2, eps = (
        step.settings[name] for name in ("lr", "weight_decay", "beta1", "beta2", "eps")
    )
    m = _average("m g β₁", remembered["m"], g, beta1)
    v = _average("v g² β₂", remembered["v"], g * g, beta2)
    m_hat = _corrected(m, beta1, step.step)
    v_hat = _corrected(v, beta2, step.step)
    root = math.sqrt(v_hat.value) + eps
    return [
        m,
        v,
        m_hat,
        v_hat,
        Line(
            "w",
            "w · (1 − lr · λ) − lr · m̂ / (√v̂ + ε)",
            f"{bare(w)} × (1 − {bare(lr)} × {bare(decay)}) − "
            f"{bare(lr)} × {number(m_hat.value)} / {bare(root)}",
            w * (1 - lr * decay) - lr * m_hat.value / root,
        ),
    ]


def _muon(
    step: MatrixStep, here: tuple[float, float], m_before: float, direction: float
) -> list[Line]:
    lr, decay, beta, stretch = (
        step.settings[name] for name in ("lr", "weight_decay", "beta", "stretch")
    )
    w, g = here
    m = _average("m g β", m_before, g, beta)
    ahead = (1 - beta) * g + beta * m.value
    return [
        m,
        Line(
            "a",
            "(1 − β) · g + β · m",
            f"{bare(1 - beta)} × {number(g)} + {bare(beta)} × {number(m.value)}",
            ahead,
        ),
        Line(
            "o",
            "orthogonalize(a of the whole matrix)[row, column]",
            f"made of all its numbers, not of {number(ahead)} alone",
            direction,
        ),
        Line(
            "w",
            "w · (1 − lr · λ) − lr · √max(1, rows / columns) · o",
            f"{bare(w)} × (1 − {bare(lr)} × {bare(decay)}) − "
            f"{bare(lr)} × {bare(stretch)} × {number(direction)}",
            w * (1 - lr * decay) - lr * stretch * direction,
        ),
    ]


def _average(names: str, before: float, new: float, beta: float) -> Line:
    """Move a running average towards a new number.

    Args:
        names: Of the average, what it is of, and its β: `m g β₁`.
        before: The average.
        new: The number.
        beta: How much of the average stays.
    """
    name, of, letter = names.split()
    return Line(
        name,
        f"{letter} · {name} + (1 − {letter}) · {of}",
        f"{bare(beta)} × {number(before)} + {bare(1 - beta)} × {number(new)}",
        beta * before + (1 - beta) * new,
    )


def _corrected(average: Line, beta: float, step: int) -> Line:
    """Make up for an average that began at nothing."""
    letter = "β₂" if average.symbol == "v" else "β₁"
    share = 1 - beta**step
    return Line(
        f"{average.symbol}̂",
        f"{average.symbol} / (1 − {letter}^{step})",
        f"{number(average.value)} / {bare(share)}",
        average.value / share,
    )
