"""A text whose pieces are tinted by a signed number each, blue or vermillion."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.components.shared.mounting import (
    current_choice,
    listener,
    read_position,
    register,
)
from viz.tokens import display_pieces

Floats = npt.NDArray[np.float64]

MOST_LEVEL = 254
"""Tints run from 0, full vermillion, over the middle, none, to this one, full blue."""

_mount = register("tinted_text")


def tinted_text(
    pieces: Sequence[str],
    values: Array,
    selected: int | None = None,
    *,
    key: str,
    unit: str,
    ends: tuple[str, str] = ("", ""),
    lower_is_better: bool = False,
    limit: float | None = None,
    sentences: Sequence[str] | None = None,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show a text; each piece is as blue or as vermillion as its number.

    Pointing at a piece (or moving to it with the arrow keys) says its number in words,
    a click or Enter selects, Esc clears. The range shown is symmetric.

    Args:
        pieces: Texts that follow each other.
        values: [piece]; not-a-number has no tint, and says that it has no number.
        selected: Which piece to select.
        key: The view's name on this page.
        unit: What the numbers are: `nats`.
        ends: What vermillion and blue mean, for the legend.
        lower_is_better: Blue below zero and vermillion above, not the other way round.
        limit: The absolute value of the fullest tint; by default the largest.
        sentences: More to say about each piece, after its number.
        on_select: Called with the place, or None when cleared, on a click, before the
            page runs again.

    Returns:
        The piece selected now, or None.

    Raises:
        ValueError: If the lengths differ, `selected` lies outside or `limit` is not
            positive.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (len(pieces),):
        raise ValueError(f"{len(pieces)} pieces, but values of {list(numbers.shape)}.")
    if sentences is not None and len(sentences) != len(pieces):
        raise ValueError(f"{len(pieces)} pieces, but {len(sentences)} sentences.")
    most = _largest(numbers) if limit is None else limit
    if not most > 0:
        raise ValueError(f"The limit of a signed tint must be > 0, not {limit}.")

    def fits(place: int) -> bool:
        return 0 <= place < len(pieces)

    chosen = current_choice(key, selected, fits)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "breaks": ["\n" in piece for piece in pieces],
            "levels": _levels(-numbers if lower_is_better else numbers, most),
            "numbers": [_signed(number, _decimals(most)) for number in numbers],
            "unit": unit,
            "sentences": None if sentences is None else list(sentences),
            "range": _range(most, ends, lower_is_better=lower_is_better),
            "selected": chosen,
        },
        on_picked_change=listener(key, read_position, fits, on_select),
    )
    return chosen


def _largest(numbers: Floats) -> float:
    finite = np.abs(numbers[np.isfinite(numbers)])
    return float(finite.max(initial=0.0)) or 1.0


def _levels(numbers: Floats, limit: float) -> list[int | None]:
    share = (np.clip(numbers / limit, -1.0, 1.0) + 1) / 2
    return [
        round(float(level)) if np.isfinite(level) else None
        for level in share * MOST_LEVEL
    ]


def _decimals(limit: float) -> int:
    """Choose decimals so that the largest number keeps three digits.

    >>> [_decimals(limit) for limit in (4.6, 0.2, 0.004)]
    [3, 3, 5]
    """
    return max(3, 2 - math.floor(math.log10(limit)))


def _signed(number: float, decimals: int) -> str | None:
    """Print a number with its sign; one that rounds to zero has none."""
    if not np.isfinite(number):
        return None
    text = f"{number:+.{decimals}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def _range(
    limit: float, ends: tuple[str, str], *, lower_is_better: bool
) -> dict[str, str]:
    """Say what the two ends of the legend mean, vermillion first."""
    low, high = f"−{limit:.3g}", f"+{limit:.3g}"
    if lower_is_better:
        low, high = high, low
    vermillion, blue = (f" {end}" if end else "" for end in ends)
    return {"vermillion": low + vermillion, "blue": high + blue}
