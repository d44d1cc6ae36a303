"""A conversation as the loss sees it: prompts gray, answers shaded by their loss."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_pieces

MOST_LEVEL = 255

_mount = register("masked_loss")


def masked_loss(
    pieces: Sequence[str],
    learned: Sequence[bool],
    losses: Mapping[str, Array],
    *,
    key: str,
    turns: Sequence[int] = (0,),
    selected: int | None = None,
) -> int | None:
    """Show a conversation; what is learned is as dark as it surprised each model.

    Pointing at a token (or moving to it with the arrow keys) says it in words, a click
    or Enter selects, Esc clears.

    Args:
        pieces: Tokens' texts, in order.
        learned: Whether the loss counts each.
        losses: Nats per token, [piece], by the model's name, in the order of the lines;
            not-a-number where nothing predicts it.
        key: The view's name on this page.
        turns: Where each turn begins: at its first piece.
        selected: The token to select, until the reader selects another.

    Returns:
        The token selected now, or None.

    Raises:
        ValueError: If lengths differ, no model is given, a loss that counts is no
            number, or `selected` is not a piece.
    """
    count = len(pieces)
    rows = [_checked(values, learned, count) for values in losses.values()]
    if not rows:
        raise ValueError("The losses of at least one model are needed.")
    limit = _limit(rows, learned)
    chosen, clicked = chosen_position(key, range(count), selected)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "breaks": ["\n" in piece for piece in pieces],
            "learned": [bool(each) for each in learned],
            "turns": _turns(turns, learned, count),
            "models": list(losses),
            "numbers": [_printed(row, 2) for row in rows],
            "exact": [_printed(row, 4) for row in rows],
            "levels": [_levels(row, limit) for row in rows],
            "limit": f"{limit:g}",
            "firstLearned": next((i for i, each in enumerate(learned) if each), 0),
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen


def _checked(
    values: Array, learned: Sequence[bool], count: int
) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (count,) or len(learned) != count:
        raise ValueError(
            f"{count} pieces, but {len(learned)} marks and losses of "
            f"{list(numbers.shape)}."
        )
    if np.isnan(numbers[np.asarray(learned, dtype=bool)]).any():
        raise ValueError("A token that the loss counts has no loss.")
    return numbers


def _limit(rows: Sequence[npt.NDArray[np.float64]], learned: Sequence[bool]) -> float:
    """Return the loss of the fullest shade: of all models, rounded up."""
    marks = np.asarray(learned, dtype=bool)
    counted = [row[marks][np.isfinite(row[marks])] for row in rows]
    return max(1.0, *(math.ceil(row.max(initial=0.0)) for row in counted))


def _turns(
    starts: Sequence[int], learned: Sequence[bool], count: int
) -> list[dict[str, object]]:
    """Return each turn's first piece, its end, and whether any of it is learned."""
    return [
        {"start": start, "end": end, "learned": any(learned[start:end])}
        for start, end in pairwise([*starts, count])
    ]


def _printed(row: npt.NDArray[np.float64], digits: int) -> list[str | None]:
    return [f"{loss:.{digits}f}" if np.isfinite(loss) else None for loss in row]


def _levels(row: npt.NDArray[np.float64], limit: float) -> list[int]:
    share = np.clip(np.nan_to_num(row / limit, posinf=1.0), 0.0, 1.0)
    return [round(float(each) * MOST_LEVEL) for each in share]
