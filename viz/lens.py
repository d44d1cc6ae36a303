"""The logit lens as a grid: each cell's text, shade and caption.

A grid of a deep model and a long prompt has more cells than a reader can use: `window`
chooses the columns to show. Next: `lens_charts`, for one of its columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from viz.attention import Array
from viz.probabilities import probability_text
from viz.tokens import display_piece, display_pieces

MOST_CELLS = 3000
"""How many cells of a grid are shown at once."""


@dataclass(frozen=True)
class GridView:
    """What a grid of the lens shows: the data of a `Grid` of `value_grid`."""

    values: npt.NDArray[np.float64]
    """What the shades show."""
    numbers: npt.NDArray[np.float64]
    """What is printed or said: the ranks, where a shade is 1 / rank."""
    texts: list[list[str]]
    sentences: list[list[str]]
    unit: str
    limit: float | None


def window(chosen: int, count: int, points: int) -> range:
    """Return the columns to show of a grid that may be too large, the chosen one in it.

    >>> window(90, 100, 97)
    range(70, 100)
    """
    room = max(8, MOST_CELLS // points)
    first = min(max(0, chosen - room // 2), max(0, count - room))
    return range(first, min(count, first + room))


def headings(pieces: Sequence[str]) -> list[str]:
    r"""Name columns by position and text, one above the other to save room.

    >>> headings(["the", " cat"])
    ['0\nthe', '1\n·cat']
    """
    return [f"{pos}\n{display_piece(piece)}" for pos, piece in enumerate(pieces)]


def top_view(
    points: Sequence[str],
    tokens: Sequence[str],
    tops: Sequence[Sequence[str]],
    probabilities: Array,
) -> GridView:
    """Show the likeliest token of every cell, as dark as its probability.

    Args:
        points: Names of the places along the stream.
        tokens: The prompt's tokens by position and text, `6 ·a`, one per column.
        tops: Text of the likeliest token, [point pos].
        probabilities: Its probability, [point pos].
    """
    said = [
        [
            f"“{display_piece(piece)}” with probability {p:.4f}"
            for piece, p in zip(row, row_of_p, strict=True)
        ]
        for row, row_of_p in zip(tops, probabilities.tolist(), strict=True)
    ]
    texts = [display_pieces(row) for row in tops]
    sentences = _sentences(points, tokens, said)
    return _view(probabilities, texts, sentences, "probability", 1.0)


def probability_view(
    points: Sequence[str], tokens: Sequence[str], token: str, probabilities: Array
) -> GridView:
    """Show one token's probability in every cell. Arguments as for `top_view`."""
    said = [
        [f"“{display_piece(token)}” with probability {p:.6f}" for p in row]
        for row in probabilities.tolist()
    ]
    texts = [[probability_text(p) for p in row] for row in probabilities.tolist()]
    sentences = _sentences(points, tokens, said)
    return _view(probabilities, texts, sentences, "probability", 1.0)


def rank_view(
    points: Sequence[str], tokens: Sequence[str], token: str, ranks: Array
) -> GridView:
    """Show one token's rank in every cell; the first is darkest."""
    said = [
        [f"“{display_piece(token)}” at rank {rank}" for rank in row]
        for row in ranks.tolist()
    ]
    texts = [[str(rank) for rank in row] for row in ranks.tolist()]
    view = _view(ranks, texts, _sentences(points, tokens, said), "1 / rank", 1.0)
    return replace(view, values=1 / view.numbers)


def divergence_view(
    points: Sequence[str], tokens: Sequence[str], kl: Array
) -> GridView:
    """Show how far every cell is from the model's output."""
    said = [
        [f"{nats:.4f} nats away from the model's output" for nats in row]
        for row in kl.tolist()
    ]
    texts = [[f"{nats:.2f}" for nats in row] for row in kl.tolist()]
    unit = "nats to the model's output (KL)"
    return _view(kl, texts, _sentences(points, tokens, said), unit, None)


def _sentences(
    points: Sequence[str], tokens: Sequence[str], said: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Put each cell's column and row before what is said of it."""
    return [
        [
            f"“{token}”, after {point}: {words}"
            for token, words in zip(tokens, row, strict=True)
        ]
        for point, row in zip(points, said, strict=True)
    ]


def _view(
    numbers: Array,
    texts: list[list[str]],
    sentences: list[list[str]],
    unit: str,
    limit: float | None,
) -> GridView:
    shown = np.asarray(numbers, dtype=np.float64)
    return GridView(shown, shown, texts, sentences, unit, limit)
