"""Attention patterns for the screen: checked, packed, put into words.

A pattern has queries as rows ("reads") and keys as columns ("is read"). Thumbnails
travel as bytes, a quarter of the size of floats and more than the eye can tell apart.
Where the number itself is shown, it travels in thousandths: the digits on the screen
are the tensor's own, rounded once.
"""

import base64
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from viz.tokens import display_piece, placed_pieces

MASKED = 65535
"""Marks, among thousandths, a cell that the query may not read."""

Array = npt.NDArray[np.generic]


def check_pattern(pieces: Sequence[str], pattern: Array) -> npt.NDArray[np.float64]:
    """Return the pattern as floats if it fits the pieces.

    Args:
        pieces: Token texts, one per position.
        pattern: Weights 0–1, [... q_pos k_pos]; not-a-number means masked.

    Raises:
        ValueError: If the last two axes are not as long as `pieces`, or a weight lies
            outside 0–1.
    """
    count = len(pieces)
    if pattern.ndim < 2 or pattern.shape[-2:] != (count, count):
        raise ValueError(
            f"A pattern for {count} pieces must end in [{count} {count}], but it has "
            f"shape {list(pattern.shape)}."
        )
    weights = np.asarray(pattern, dtype=np.float64)
    _check_range(weights)
    return weights


def masked_cells(pattern: Array) -> npt.NDArray[np.bool_]:
    """Tell which cells a query may not read, [... q_pos k_pos].

    A cell is masked where the pattern is not-a-number. A pattern whose every weight on
    later tokens is exactly zero comes from a causal model: there, later is masked.
    """
    weights = np.asarray(pattern, dtype=np.float64)
    masked = np.isnan(weights)
    later = np.triu(np.ones(weights.shape[-2:], dtype=bool), k=1)
    if not np.nan_to_num(weights)[..., later].any():
        masked = masked | later
    return masked


def pack_bytes(weights: Array) -> str:
    """Pack weights 0–1 as one byte each, in base64. Rounds by at most 1/510.

    Raises:
        ValueError: If a weight lies outside 0–1.
    """
    if weights.dtype == np.uint8:
        return base64.b64encode(weights.tobytes()).decode("ascii")
    values = np.asarray(weights, dtype=np.float64)
    _check_range(values)
    levels = np.rint(np.nan_to_num(values) * 255).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode("ascii")


def unpack_bytes(packed: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Undo `pack_bytes`.

    Raises:
        ValueError: If the number of bytes is not the product of `shape`.
    """
    levels = np.frombuffer(base64.b64decode(packed), dtype=np.uint8)
    if levels.size != int(np.prod(shape)):
        raise ValueError(
            f"{levels.size} bytes cannot fill {list(shape)}, which has "
            f"{int(np.prod(shape))} cells."
        )
    return levels.reshape(shape) / 255


def pack_thousandths(weights: Array) -> str:
    """Pack weights 0–1 as thousandths, two bytes each, `MASKED` where masked."""
    values = np.asarray(weights, dtype=np.float64)
    thousandths = np.rint(np.nan_to_num(values) * 1000).astype("<u2")
    thousandths[masked_cells(values)] = MASKED
    return base64.b64encode(thousandths.tobytes()).decode("ascii")


def pack_floats(values: Array) -> str:
    """Pack numbers as 32-bit floats, the low byte first, in base64."""
    floats = np.ascontiguousarray(values, dtype="<f4")
    return base64.b64encode(floats.tobytes()).decode("ascii")


def pool_patterns(patterns: Array, size: int) -> Array:
    """Shrink patterns to at most `size` × `size` by the largest weight of each patch.

    A mean would wash out the thin diagonals that characterise a head.

    Args:
        patterns: [... q_pos k_pos].
        size: The longest side to keep.
    """
    count = patterns.shape[-1]
    if count <= size:
        return patterns
    patch = -(-count // size)
    if missing := -count % patch:
        edges = [(0, 0)] * (patterns.ndim - 2) + [(0, missing), (0, missing)]
        patterns = np.pad(patterns, edges)
    # Rows first, then columns, each as a maximum of slices: several times quicker than
    # one over patches. fmax, or one masked cell would blank its patch.
    rows = _largest_of([patterns[..., i::patch, :] for i in range(patch)])
    return _largest_of([rows[..., i::patch] for i in range(patch)])


def _largest_of(slices: Sequence[Array]) -> Array:
    largest = slices[0]
    for each in slices[1:]:
        largest = np.fmax(largest, each)
    return largest


def reading_sentence(
    pieces: Sequence[str], pattern: Array, q_pos: int, k_pos: int
) -> str:
    """Say one cell in words.

    >>> reading_sentence(["cat", " it"], np.array([[1, 0], [0.62, 0.38]]), 1, 0)
    '·it reads cat with weight 0.620'
    """
    weights = check_pattern(pieces, pattern)
    reader, read = display_piece(pieces[q_pos]), display_piece(pieces[k_pos])
    if masked_cells(weights)[q_pos, k_pos]:
        return f"{reader} may not read {read}"
    return f"{reader} reads {read} with weight {weights[q_pos, k_pos]:.3f}"


def pattern_table(pieces: Sequence[str], pattern: Array) -> pd.DataFrame:
    """Return the table behind a heat map: rows read, columns are read.

    Args:
        pieces: Token texts.
        pattern: Weights of one head, [q_pos k_pos].

    Returns:
        Weights, empty where masked, under names like `3 ·cat`.

    Raises:
        ValueError: See `check_pattern`.
    """
    weights = check_pattern(pieces, pattern)
    names = placed_pieces(pieces)
    visible = np.where(masked_cells(weights), np.nan, weights)
    return pd.DataFrame(
        visible, index=pd.Index(names, name="reads ↓ is read →"), columns=names
    )


def _check_range(weights: npt.NDArray[np.float64]) -> None:
    # Softmax in half precision can end a hair above one.
    outside = (weights < -1e-3) | (weights > 1 + 1e-3)
    if outside.any():
        worst = float(weights[outside].flat[0])
        raise ValueError(f"Attention weights lie in 0–1, but one is {worst:.4g}.")
