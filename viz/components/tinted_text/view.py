"""A text whose pieces are tinted by a signed number each, blue or vermillion."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_pieces

Floats = npt.NDArray[np.float64]

MOST_LEVEL = 254
"""Tints run from 0, full vermillion, over the middle, none, to this one, full blue."""

_mount = register("tinted_text")


@dataclass(frozen=True)
class TintedText:
    """A text, and a signed number for each of its pieces.

    Raises:
        ValueError: If the lengths differ.
    """

    pieces: Sequence[str]
    """Texts that follow each other."""
    values: Array
    """[piece]; not-a-number has no tint, and the caption says so."""
    unit: str
    """What the numbers are: `nats`."""
    ends: tuple[str, str] = ("", "")
    """What vermillion and blue mean, for the legend."""
    lower_is_better: bool = False
    """Blue below zero and vermillion above, not the other way round."""
    sentences: Sequence[str] | None = None
    """More to say about each piece, after its number."""

    def __post_init__(self) -> None:
        """Check that there is a number, and a sentence if any, for each piece."""
        count = len(self.pieces)
        if np.shape(self.values) != (count,):
            found = list(np.shape(self.values))
            raise ValueError(f"{count} pieces, but values of {found}.")
        if self.sentences is not None and len(self.sentences) != count:
            raise ValueError(f"{count} pieces, but {len(self.sentences)} sentences.")


def tinted_text(
    text: TintedText,
    selected: int | None = None,
    *,
    key: str,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show a text; each piece is as blue or as vermillion as its number.

    Pointing at a piece (or moving to it with the arrow keys) puts its number into
    words, a click or Enter selects, Esc clears. The range shown is symmetric.

    Args:
        text: The pieces and their numbers.
        selected: Which piece to select.
        key: The view's name on this page.
        on_select: Called with the place, or None when cleared, on a click, before the
            page runs again.

    Returns:
        The piece selected now, or None.

    Raises:
        ValueError: If `selected` lies outside the text.
    """
    numbers = np.asarray(text.values, dtype=np.float64)
    most = float(np.abs(numbers[np.isfinite(numbers)]).max(initial=0.0)) or 1.0
    chosen, clicked = chosen_position(key, range(len(text.pieces)), selected, on_select)
    sentences = text.sentences
    _mount(
        key=key,
        data={
            "pieces": display_pieces(text.pieces),
            "breaks": ["\n" in piece for piece in text.pieces],
            "levels": _levels(-numbers if text.lower_is_better else numbers, most),
            "numbers": [_signed(number, _decimals(most)) for number in numbers],
            "unit": text.unit,
            "sentences": None if sentences is None else list(sentences),
            "range": _range(most, text.ends, lower_is_better=text.lower_is_better),
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen


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
