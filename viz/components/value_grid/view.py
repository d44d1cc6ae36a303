"""Numbers in rows and columns, each cell as dark as its number: a map to walk through.

For whatever has two axes: layers by positions, layers by heads, queries by keys.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.components.shared.mounting import current_choice, listener, read_pair, register

Strings = Sequence[Sequence[str]]
Floats = npt.NDArray[np.float64]

MOST_LEVEL = 254
"""Shades run from level 0 to this one, so that a signed 0 is the middle one exactly."""

_mount = register("value_grid")


def value_grid(
    values: Array,
    *,
    key: str,
    rows: Sequence[str],
    columns: Sequence[str],
    unit: str,
    row_title: str = "",
    column_title: str = "",
    texts: Strings | None = None,
    sentences: Strings | None = None,
    signed: bool = False,
    limit: float | None = None,
    digits: int = 2,
    masked: Array | None = None,
    selected: tuple[int, int] | None = None,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show a table of numbers, shaded by their size.

    Pointing at a cell (or moving to it with the arrow keys) says it in words, a click
    or Enter locks it, Esc clears. The table scrolls inside itself; up to some 3,000
    cells it is quick.

    Args:
        values: [row col]; not-a-number is masked.
        key: The view's name on this page.
        rows: A name per row. Draw a token's text with `viz.tokens` first.
        columns: A name per column, likewise.
        unit: What the numbers are: `probability`, `logit`, `nats`.
        row_title: What the rows are, for the corner.
        column_title: What the columns are, for the corner.
        texts: [row col]; printed in the cells in place of the numbers.
        sentences: [row col]; what the line above says of each cell. By default it is
            composed of the names, the text and the number.
        signed: Blue above zero and vermillion below, the range symmetric; else one hue
            from 0, and no value may be negative.
        limit: The value of the fullest shade; what lies beyond it looks the same. By
            default the largest absolute value.
        digits: Decimals in the cells; the line above the table has two more.
        masked: [row col]; true where there is nothing to show.
        selected: Row and column to lock.
        on_select: Called with (row, col), or None when cleared, on a click, before the
            page runs again.

    Returns:
        Row and column locked now, or None.

    Raises:
        ValueError: If an argument does not fit the rows and columns, the limit is not
            positive, or a value is negative though the grid is not signed.
    """
    size = (len(rows), len(columns))
    numbers, hidden = _checked(values, masked, size)
    for name, strings in (("texts", texts), ("sentences", sentences)):
        if strings is not None:
            _check_size(name, (len(strings), *{len(row) for row in strings}), size)
    most = _limit(numbers, signed=signed, limit=limit)

    def fits(cell: tuple[int, int]) -> bool:
        return 0 <= cell[0] < size[0] and 0 <= cell[1] < size[1]

    chosen = current_choice(key, selected, fits)
    _mount(
        key=key,
        data={
            "rows": list(rows),
            "columns": list(columns),
            "titles": [row_title, column_title],
            "unit": unit,
            "signed": signed,
            "limit": f"{most:.3g}",
            "levels": _levels(numbers, hidden, most, signed=signed),
            "texts": _printed(numbers, digits) if texts is None else _listed(texts),
            "numbers": _printed(numbers, digits + 2),
            "printsNumbers": texts is None,
            "sentences": None if sentences is None else _listed(sentences),
            "selected": None if chosen is None else list(chosen),
        },
        on_picked_change=listener(key, read_pair, fits, on_select),
    )
    return chosen


def _checked(
    values: Array, masked: Array | None, size: tuple[int, int]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the numbers, 0 where there is none, and where that is."""
    numbers = np.asarray(values, dtype=np.float64)
    _check_size("values", numbers.shape, size)
    hidden = np.isnan(numbers)
    if masked is not None:
        _check_size("masked", masked.shape, size)
        hidden = hidden | masked.astype(bool)
    return np.where(hidden, 0.0, numbers), hidden


def _check_size(name: str, found: tuple[int, ...], size: tuple[int, int]) -> None:
    if found != size:
        raise ValueError(
            f"A grid of {size[0]} rows and {size[1]} columns needs {name} of "
            f"[{size[0]} {size[1]}], not {list(found)}."
        )


def _limit(numbers: Floats, *, signed: bool, limit: float | None) -> float:
    """Return the value of the fullest shade."""
    if not signed and (numbers < -1e-6).any():
        raise ValueError(
            f"A grid of one hue starts at 0, but one value is {numbers.min():.4g}: "
            "pass signed=True."
        )
    if limit is not None:
        if not limit > 0:
            raise ValueError(f"The limit of a grid must be > 0, not {limit}.")
        return limit
    finite = np.abs(numbers[np.isfinite(numbers)])
    return float(finite.max(initial=0.0)) or 1.0


def _levels(
    numbers: Floats, hidden: npt.NDArray[np.bool_], limit: float, *, signed: bool
) -> list[list[int | None]]:
    """Return each cell's shade, 0 … `MOST_LEVEL`, or None where it is masked."""
    share = np.clip(numbers / limit, -1.0 if signed else 0.0, 1.0)
    if signed:
        share = (share + 1) / 2
    levels = np.rint(share * MOST_LEVEL).astype(int)
    return [
        [None if gone else level for level, gone in zip(row, mask, strict=True)]
        for row, mask in zip(levels.tolist(), hidden.tolist(), strict=True)
    ]


def _printed(numbers: Floats, digits: int) -> list[list[str]]:
    """Print every number; one that rounds to zero has no sign."""
    least = 0.5 * 10.0**-digits
    tidy = np.where(np.abs(numbers) <= least, 0.0, numbers)
    return [[f"{number:.{digits}f}" for number in row] for row in tidy.tolist()]


def _listed(strings: Strings) -> list[list[str]]:
    return [list(row) for row in strings]
