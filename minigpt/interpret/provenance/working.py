"""The working of one number: its operands in a table, its arithmetic in one line.

What a rule hands to `trace`: enough for a reader to do the sum on paper.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SHOWN_TERMS = 3
"""How many terms of a long sum the line of arithmetic spells out."""

Vector = Float[np.ndarray, " row"]


@dataclass(frozen=True)
class Operands:
    """The numbers that went in, one row each."""

    axis: str
    """What the rows are: `d_head`, `k_pos`, `head`, `part`."""
    labels: tuple[str, ...]
    """Each row's name: `0`, `1`, … along an axis, or words."""
    columns: dict[str, Vector]
    """Title → one number per row; not-a-number where a row has none."""
    chosen: int | None = None
    """The row that the number itself stands for, if one does."""


@dataclass(frozen=True)
class Working:
    """How one number was made."""

    formula: str
    """In symbols: `softmax(scores)[k] = exp(score) / Σ exp(scores)`."""
    operands: Operands
    arithmetic: str
    """The formula with its real numbers, in one line, without the result."""
    result: float
    """What the operands give, in double precision."""


def along(
    axis: str, columns: dict[str, Vector], chosen: int | None = None, first: int = 0
) -> Operands:
    """Make a table with a row per place of an axis.

    Args:
        axis: Its name.
        columns: Title → one number per place.
        chosen: The row of the place that the number itself stands for.
        first: The first row's place.
    """
    count = len(next(iter(columns.values())))
    labels = tuple(str(first + row) for row in range(count))
    return Operands(axis, labels, columns, chosen)


def parts(**values: float) -> Operands:
    """Make a table of a few named numbers, a row each."""
    labels = tuple(name.replace("_", " ") for name in values)
    return Operands("part", labels, {"value": np.array(list(values.values()))})


def bent(made: Working, cap: float | None) -> Working:
    """Bend a number so that it is not farther from 0 than a cap, if there is one."""
    if cap is None:
        return made
    size = bare(cap)
    return Working(
        f"{size} tanh(({made.formula}) / {size})",
        made.operands,
        f"{size} tanh(({made.arithmetic}) / {size})",
        cap * math.tanh(made.result / cap),
    )


def add_up(formula: str, operands: Operands, values: Vector) -> Working:
    """Work out a plain sum."""
    return Working(
        formula, operands, spell_sum(map(number, values), values), values.sum()
    )


def multiply_and_add(
    formula: str,
    axis: str,
    left: tuple[str, Vector],
    right: tuple[str, Vector],
    bias: float | None = None,
) -> Working:
    """Work out Σ left · right (+ bias), as a linear layer does.

    Args:
        formula: In symbols.
        axis: What is summed over.
        left: Title and numbers.
        right: Title and numbers, as many.
        bias: Added at the end, if the layer has one; it gets a row of its own.
    """
    (left_name, a), (right_name, b) = left, right
    products = a * b
    arithmetic = spell_products(a, b)
    labels = tuple(map(str, range(len(a))))
    columns = {left_name: a, right_name: b, "product": products}
    if bias is not None:
        arithmetic += f" + bias {number(bias)}"
        labels += ("bias",)
        columns = {
            title: np.append(values, bias if title == "product" else math.nan)
            for title, values in columns.items()
        }
    result = float(products.sum()) + (bias or 0.0)
    return Working(formula, Operands(axis, labels, columns), arithmetic, result)


def plus(working: Working, label: str, value: float) -> Working:
    """Add one more number to a worked-out sum of products.

    Args:
        working: What `multiply_and_add` returned.
        label: What the number is; it gets a row of its own.
        value: The number.
    """
    operands = working.operands
    columns = {
        title: np.append(values, value if title == "product" else math.nan)
        for title, values in operands.columns.items()
    }
    return Working(
        f"{working.formula} + {label}",
        Operands(operands.axis, (*operands.labels, label), columns),
        f"{working.arithmetic} + {number(value)}",
        working.result + value,
    )


def spell_products(a: Vector, b: Vector) -> str:
    """Write a sum of products, the largest first."""
    terms = [f"{number(x)} × {number(y)}" for x, y in zip(a, b, strict=True)]
    return spell_sum(terms, a * b)


def spell_sum(terms: Iterable[str], values: Sequence[float] | Vector) -> str:
    """Write a sum with its largest terms, and what the others add up to.

    >>> spell_sum(["a", "b", "c", "d", "e"], [1, -5, 3, 2, 0.5])
    'b + c + d + … and 2 more that add up to 1.5'

    Args:
        terms: How each term is written.
        values: What each is worth.
    """
    written, worth = list(terms), np.asarray(values, dtype=np.float64)
    if len(written) <= SHOWN_TERMS + 1:
        return " + ".join(written)
    order = np.argsort(-np.abs(worth), kind="stable")
    shown, others = order[:SHOWN_TERMS], order[SHOWN_TERMS:]
    rest = number(worth[others].sum())
    return (
        " + ".join(written[place] for place in shown)
        + f" + … and {len(others)} more that add up to {rest}"
    )


def number(value: float) -> str:
    """Write a number as a factor or a term: a negative one stands in brackets.

    >>> number(0.123456), number(-2), number(1234567.0)
    ('0.1235', '(−2)', '1.235e+06')
    """
    return f"({bare(value)})" if value < 0 else bare(value)


def bare(value: float) -> str:
    """Write a number with four significant digits and a real minus.

    >>> bare(-0.5), bare(-math.inf)
    ('−0.5', '−∞')
    """
    text = "∞" if math.isinf(value) else f"{abs(value):.4g}"
    return f"−{text}" if value < 0 else text
