"""Plain pictures in place of the widgets, for pages on which no kernel runs."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

THUMBNAIL = 24
"""Cells along a side: a saved notebook holds each as text."""

LONGEST = 48
"""Tokens along a side of one head's map."""

LEVELS = 8
"""Shades of ink; the weights are for the eye only."""

INK = "#0072B2"

_PAPER = "color:#222;background:#fff;padding:8px"


def pooled(patterns: Weights, side: int) -> Weights:
    """Shrink patterns by the largest weight of each patch, which keeps thin diagonals.

    Args:
        patterns: [... q_pos k_pos].
        side: The longest side to keep.
    """
    count = patterns.shape[-1]
    edges = np.arange(0, count, -(-count // side))
    rows = np.maximum.reduceat(patterns, edges, axis=-2)
    return np.maximum.reduceat(rows, edges, axis=-1)


def heads(patterns: Weights, pieces: Sequence[str], head: tuple[int, int]) -> str:
    """Draw every head small, and one with its tokens.

    Args:
        patterns: [layer head q_pos k_pos].
        pieces: The tokens' texts.
        head: The layer and head to draw large.
    """
    layers, count = patterns.shape[:2]
    small = pooled(patterns, THUMBNAIL)
    step, left, top = 72, 30, 18
    drawn = [
        _text(left + step * h + 32, 12, f"H{h}", "middle") for h in range(count)
    ] + [_text(left - 5, top + step * i + 36, f"L{i}", "end") for i in range(layers)]
    for layer in range(layers):
        for each in range(count):
            x, y = left + step * each, top + step * layer
            drawn.append(_map(small[layer, each], x, y, 64))
            if (layer, each) == tuple(head):
                drawn.append(_frame(x - 2, y - 2, 68, 3))
    grid = _svg(drawn, left + step * count + 2, top + step * layers + 2, "All heads")
    close = _close(patterns[head], pieces, f"L{head[0]}H{head[1]}")
    return f'<div style="{_PAPER}">{grid}{close}</div>'


def table(
    names: Sequence[str],
    pieces: Sequence[str],
    cells: Sequence[Sequence[tuple[str, float]]],
    *,
    corner: str = "after",
) -> str:
    """Draw a table with a column for each token of a text.

    Args:
        names: The rows'.
        pieces: The columns'.
        cells: A text and how dark it is, 0–1, [row column].
        corner: What stands above the rows' names.
    """
    heading = "".join(f"<th>{escape(visible(piece))}</th>" for piece in pieces)
    lines = [f"<tr><th>{escape(corner)}</th>{heading}</tr>"]
    for name, row in zip(names, cells, strict=True):
        drawn = "".join(
            f'<td title="{share:.3f}" '
            f'style="background:rgba(0,114,178,{share / 2:.2f})">'
            f"{escape(visible(text))}</td>"
            for text, share in row
        )
        lines.append(f"<tr><th>{escape(name)}</th>{drawn}</tr>")
    return f'<table style="{_PAPER}">{"".join(lines)}</table>'


def rows_of_pieces(rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Draw named rows of pieces, each in a box.

    Args:
        rows: A name, and the pieces' texts.
    """
    box = "border:1px solid #7A8699;border-radius:4px;padding:0 3px;margin:0 2px"
    lines = [
        f"<div>{escape(name)}: "
        + " ".join(f'<code style="{box}">{escape(visible(p))}</code>' for p in pieces)
        + "</div>"
        for name, pieces in rows
    ]
    return f'<div style="{_PAPER}">{"".join(lines)}</div>'


def _close(pattern: Weights, pieces: Sequence[str], name: str) -> str:
    """Draw one head: its tokens stand beside the rows, where there is room for them."""
    shown = pooled(pattern, LONGEST)
    side = 18 * len(shown)
    drawn = [_text(120, 12, f"{name}: a row reads what is inked", "start")]
    drawn += [_map(shown, 120, 20, side), _frame(120, 20, side, 1)]
    if len(shown) == len(pieces):
        for row, piece in enumerate(pieces):
            drawn.append(_text(114, 33 + 18 * row, visible(piece), "end"))
    return _svg(drawn, 122 + max(side, 120), 24 + side, f"The pattern of {name}")


def _map(weights: Weights, x: float, y: float, side: float) -> str:
    """Draw weights as cells of ink: one path for each shade."""
    cell = side / len(weights)
    levels = np.rint(LEVELS * np.sqrt(weights)).astype(int)  # 0.05 can be seen
    paths = [_frame(x, y, side, 0.3)]
    for level in range(1, LEVELS + 1):
        places = np.argwhere(levels == level)
        if len(places):
            d = "".join(f"M{column} {row}h1v1h-1z" for row, column in places)
            paths.append(
                f'<path transform="translate({x} {y}) scale({cell:.4g})" fill="{INK}" '
                f'fill-opacity="{level / LEVELS:g}" d="{d}"/>'
            )
    return "".join(paths)


def _frame(x: float, y: float, side: float, width: float) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" '
        f'stroke="#222" stroke-width="{width}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'style="vertical-align:top" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{escape(title)}'
        f"</title>{''.join(parts)}</svg>"
    )


def visible(piece: str) -> str:
    r"""Draw a token so that its spaces are seen.

    >>> visible(" the\n")
    '·the⏎'
    """
    return piece.replace(" ", "·").replace("\n", "⏎")[:14]
