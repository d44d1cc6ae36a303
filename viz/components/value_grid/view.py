"""Numbers in rows and columns, each cell shaded by its number.

For anything that has two axes: layers by positions, layers by heads, queries by keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.components.shared.mounting import chosen_cell, register

Strings = Sequence[Sequence[str]]
Floats = npt.NDArray[np.float64]

MOST_LEVEL = 254
"""Shades run from level 0 to this one, so that a signed 0 is the middle one exactly."""

_mount = register("value_grid")


@dataclass(frozen=True)
class Grid:
    """The numbers of a grid, and how to print, shade and caption them.

    Raises:
        ValueError: If an argument does not fit the rows and columns, the limit is not
            positive, or a value is negative though the grid is not signed.
    """

    values: Array
    """[row col]; not-a-number is masked."""
    rows: Sequence[str]
    """A name per row. Draw a token's text with `viz.tokens` first."""
    columns: Sequence[str]
    """A name per column, likewise."""
    unit: str
    """What the numbers are: `probability`, `logit`, `nats`."""
    row_title: str = ""
    """What the rows are, for the corner."""
    column_title: str = ""
    """What the columns are, for the corner."""
    texts: Strings | None = None
    """[row col]; printed in the cells in place of the numbers."""
    sentences: Strings | None = None
    """[row col]; the caption of each cell, by default its names, text and number."""
    signed: bool = False
    """Blue above zero and vermillion below, the range symmetric. Otherwise one hue
    from 0, and no value may be negative."""
    limit: float | None = None
    """The value of the fullest shade, which larger values share; by default the largest
    absolute value."""
    digits: int = 2
    """Decimals in the cells; the caption has two more."""
    shrinks: bool = False
    """Whether cells get narrow, and at last lose their texts, where all columns would
    not fit side by side. Otherwise the table scrolls."""

    def __post_init__(self) -> None:
        """Check that everything fits the rows and columns."""
        self._check_size("values", np.shape(self.values))
        for name in ("texts", "sentences"):
            strings = getattr(self, name)
            if strings is not None:
                lengths = {len(row) for row in strings}
                self._check_size(name, (len(strings), *lengths))
        if self.limit is not None and not self.limit > 0:
            raise ValueError(f"The limit of a grid must be > 0, not {self.limit}.")
        least = np.min(self.numbers, initial=0.0)
        if not self.signed and least < -1e-6:
            raise ValueError(
                f"A grid of one hue starts at 0, but one value is {least:.4g}: "
                "pass signed=True."
            )

    @classmethod
    def of_heads(
        cls,
        values: Array,
        unit: str,
        say: Callable[[int, int], str] | None = None,
        **settings: Any,
    ) -> Self:
        """Return a grid with a row per layer and a column per head.

        Args:
            values: [layer head].
            unit: See `Grid`.
            say: Returns the caption for a layer and a head.
            settings: Further fields of `Grid`.
        """
        layers, heads = (range(length) for length in np.shape(values))
        settings.setdefault("shrinks", True)
        if say is not None:
            settings["sentences"] = [[say(i, j) for j in heads] for i in layers]
        return cls(
            values,
            rows=[f"L{layer}" for layer in layers],
            columns=[f"H{head}" for head in heads],
            unit=unit,
            row_title="layer",
            column_title="head",
            **settings,
        )

    @property
    def size(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return len(self.rows), len(self.columns)

    @property
    def numbers(self) -> Floats:
        """The values, 0 where they are masked."""
        numbers = np.asarray(self.values, dtype=np.float64)
        return np.where(np.isnan(numbers), 0.0, numbers)

    @property
    def full(self) -> float:
        """The value of the fullest shade."""
        finite = np.abs(self.numbers[np.isfinite(self.numbers)])
        return self.limit or float(finite.max(initial=0.0)) or 1.0

    @property
    def levels(self) -> list[list[int | None]]:
        """Each cell's shade, 0 … `MOST_LEVEL`, or None where it is masked."""
        share = np.clip(self.numbers / self.full, -1.0 if self.signed else 0.0, 1.0)
        if self.signed:
            share = (share + 1) / 2
        levels = np.rint(share * MOST_LEVEL).astype(int)
        masked = np.isnan(np.asarray(self.values, dtype=np.float64))
        return [
            [None if gone else level for level, gone in zip(row, mask, strict=True)]
            for row, mask in zip(levels.tolist(), masked.tolist(), strict=True)
        ]

    def printed(self, digits: int) -> list[list[str]]:
        """Print every number; one that rounds to zero has no sign."""
        least = 0.5 * 10.0**-digits
        tidy = np.where(np.abs(self.numbers) <= least, 0.0, self.numbers)
        return [[f"{number:.{digits}f}" for number in row] for row in tidy.tolist()]

    def _check_size(self, name: str, found: tuple[int, ...]) -> None:
        if found != self.size:
            rows, columns = self.size
            raise ValueError(
                f"A grid of {rows} rows and {columns} columns needs {name} of "
                f"[{rows} {columns}], not {list(found)}."
            )


def value_grid(
    grid: Grid,
    *,
    key: str,
    selected: tuple[int, int] | None = None,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show a table of numbers, shaded by their size.

    Pointing at a cell (or moving to it with the arrow keys) describes it in the
    caption, a click or Enter locks it, Esc clears. The table scrolls inside itself; it
    stays quick up to some 3,000 cells.

    Args:
        grid: The numbers and their names.
        key: The view's name on this page.
        selected: Row and column to lock.
        on_select: Called with (row, col), or None when cleared, on a click, before the
            page runs again.

    Returns:
        Row and column locked now, or None.

    Raises:
        ValueError: If `selected` lies outside the grid.
    """
    chosen, clicked = chosen_cell(key, grid.size, selected, on_select)
    texts, sentences = grid.texts, grid.sentences
    _mount(
        key=key,
        data={
            "rows": list(grid.rows),
            "columns": list(grid.columns),
            "titles": [grid.row_title, grid.column_title],
            "unit": grid.unit,
            "signed": grid.signed,
            "limit": f"{grid.full:.3g}",
            "levels": grid.levels,
            "texts": grid.printed(grid.digits) if texts is None else _listed(texts),
            "numbers": grid.printed(grid.digits + 2),
            "printsNumbers": texts is None,
            "sentences": None if sentences is None else _listed(sentences),
            "shrinks": grid.shrinks,
            "selected": None if chosen is None else list(chosen),
        },
        on_picked_change=clicked,
    )
    return chosen


def _listed(strings: Strings) -> list[list[str]]:
    return [list(row) for row in strings]
