"""A number's origin as text and table: its name, its digits, its operands."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from viz.tokens import display_piece


def digits(value: float) -> str:
    """Write a number with four decimals, or four digits where decimals would not do.

    >>> digits(0.62131), digits(0.0000123), digits(-float("inf"))
    ('0.6213', '1.230e-05', '-inf')
    """
    if value and not 1e-3 <= abs(value) < 1e5 and abs(value) != float("inf"):
        return f"{value:.3e}"
    return f"{value:.4f}"


def placed(name: str, index: Sequence[int]) -> str:
    """Name a place of a tensor as code does.

    >>> placed("logits", (0, 5, 3))
    'logits[0, 5, 3]'
    """
    return f"{name}[{', '.join(map(str, index))}]"


def shape_words(axes: Sequence[str], shape: Sequence[int]) -> str:
    """Say a shape with the names of its axes.

    >>> shape_words(("batch", "pos"), (1, 7))
    'batch 1 · pos 7'
    """
    return " · ".join(
        f"{axis} {size}" if axis != str(size) else axis
        for axis, size in zip(axes, shape, strict=True)
    )


def operand_table(
    axis: str,
    labels: Sequence[str],
    columns: Mapping[str, npt.NDArray[np.float64]],
    *,
    pieces: Sequence[str] | None = None,
    chosen: int | None = None,
) -> pd.DataFrame:
    """Return the operands of one number, a row each.

    Args:
        axis: What the rows are: `k_pos`, `d_head`.
        labels: Each row's name.
        columns: Title → a number per row.
        pieces: Token texts, if the rows are positions.
        chosen: The row of the number itself; it gets an arrow.
    """
    names = list(labels)
    if pieces is not None:
        for row, piece in enumerate(pieces[: len(names)]):
            names[row] = f"{names[row]} {display_piece(piece)}"
    if chosen is not None:
        names[chosen] += " ←"
    return pd.DataFrame(dict(columns), index=pd.Index(names, name=axis))
