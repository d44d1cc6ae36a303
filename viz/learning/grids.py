"""A prompt's loss, its gradients, and a matrix, as cells.

Losses are in nats per token.
"""

import math
from collections.abc import Sequence

import numpy as np

from viz.attention import Array
from viz.components.value_grid.view import Grid
from viz.probabilities import probability_text
from viz.provenance import digits
from viz.tokens import display_piece, placed_pieces


def loss_grid(pieces: Sequence[str], probabilities: Array) -> Grid:
    """Lay out what each token of a text costs: its probability, and −ln of it.

    Args:
        pieces: Token texts.
        probabilities: Of each but the first, given those before it.

    Raises:
        ValueError: If there is not one probability for each token but the first.
    """
    if len(probabilities) != len(pieces) - 1:
        raise ValueError(
            f"{len(pieces)} pieces need {len(pieces) - 1} probabilities, not "
            f"{len(probabilities)}."
        )
    losses = -np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), 1e-300))
    shown = [probability_text(float(p)) for p in probabilities]
    said = [
        f"After {display_piece(before)} the model gave {display_piece(after)} a "
        f"probability of {p:.3g}: it costs −ln {p:.3g} = {loss:.4f} nats"
        for before, after, p, loss in zip(
            pieces, pieces[1:], probabilities, losses, strict=False
        )
    ]
    return Grid(
        np.stack([losses, losses]),
        rows=["p", "−ln p"],
        columns=placed_pieces(pieces)[1:],
        unit="nats",
        column_title="next token",
        texts=[shown, [f"{loss:.2f}" for loss in losses]],
        sentences=[said, said],
    )


def short_name(hook: str) -> str:
    """Name a hook as the heading of a column.

    >>> short_name("blocks.0.attn.hook_z"), short_name("hook_embed")
    ('L0 z', 'embed')
    """
    names = {
        "hook_embed": "embed",
        "hook_z": "z",
        "hook_post": "MLP",
        "hook_resid_post": "out",
    }
    last = hook.rpartition(".")[2]
    name = names.get(last, last)
    return f"L{hook.split('.')[1]} {name}" if hook.startswith("blocks.") else name


def gradient_grid(
    pieces: Sequence[str], hooks: Sequence[str], norms: Array, reached: int
) -> Grid:
    """Lay out how long the gradient is at each token and hook.

    Args:
        pieces: Token texts.
        hooks: In the order of the computation.
        norms: [pos hook].
        reached: How many hooks, from the last on, the backward pass has gone through;
            the others are left blank.
    """
    values = np.array(norms, dtype=np.float64)
    size = _size(values)
    values /= size
    values[:, : len(hooks) - reached] = np.nan
    said = [
        [
            f"At {name}, in {hook}: the gradient has length {digits(float(norm))} "
            "nats per unit"
            for hook, norm in zip(hooks, row, strict=True)
        ]
        for name, row in zip(placed_pieces(pieces), norms, strict=True)
    ]
    return Grid(
        values,
        rows=placed_pieces(pieces),
        columns=[short_name(hook) for hook in hooks],
        unit=f"length of the gradient{_in_units(size)}",
        sentences=said,
        row_title="token",
    )


def matrix_grid(
    values: Array, rows: Sequence[int], columns: Sequence[int], what: str
) -> Grid:
    """Lay out a part of a matrix as signed cells, in units that suit its size.

    Args:
        values: [row column] of the part.
        rows: Their places in the whole matrix.
        columns: Likewise.
        what: What the numbers are: `weight`, `gradient`.
    """
    numbers = np.asarray(values, dtype=np.float64)
    size = _size(numbers)
    said = [
        [
            f"Row {row}, column {column}: {what} {digits(float(number))}"
            for column, number in zip(columns, line, strict=True)
        ]
        for row, line in zip(rows, numbers, strict=True)
    ]
    return Grid(
        numbers / size,
        rows=[str(row) for row in rows],
        columns=[str(column) for column in columns],
        unit=f"{what}{_in_units(size)}",
        sentences=said,
        signed=True,
        limit=float(np.abs(numbers).max() / size) or 1.0,
    )


def _size(values: Array) -> float:
    """Return the power of ten in which the largest number has one digit."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest or not math.isfinite(largest):
        return 1.0
    power = math.floor(math.log10(largest))
    return 1.0 if -1 <= power <= 1 else 10.0**power


def _in_units(size: float) -> str:
    return "" if size == 1 else f", in units of {size:g}"
