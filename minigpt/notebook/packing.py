"""Arrays on their way to the picture, as the app's views unpack them."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from minigpt.errors import DataError
from minigpt.notebook import pictures
from minigpt.notebook.inputs import Patterns

THUMBNAIL = 64
"""Cells along a thumbnail's side, at most."""

MOST_CELLS = 600_000
"""Cells of all thumbnails together: of many heads each gets fewer."""


def thumbnails(patterns: Patterns) -> dict[str, Any]:
    """Shrink and pack every head's pattern, as the app's view `head_grid` takes them.

    Args:
        patterns: Weights 0–1, [layer head q_pos k_pos].
    """
    layers, heads = patterns.shape[:2]
    side = min(THUMBNAIL, max(8, int((2 * MOST_CELLS / (layers * heads)) ** 0.5)))
    small = np.rint(255 * pictures.pooled(patterns, side)).astype(np.uint8)
    causal = not np.triu(patterns, k=1).any() and patterns.shape[-1] > 1
    if causal:
        rows, columns = np.tril_indices(small.shape[-1])
        weights = packed(small[..., rows, columns])
    else:
        weights = packed(small)
    return {
        "layers": layers,
        "heads": heads,
        "side": small.shape[-1],
        "causal": bool(causal),
        "weights": weights,
    }


def score_bars(shape: tuple[int, ...], scores: Any, name: str) -> dict[str, Any]:
    """Pack a score of every head, drawn as a bar under its thumbnail.

    Args:
        shape: How many layers and heads there are.
        scores: Numbers 0–1, [layer head]; None for no bars.
        name: What they measure.

    Raises:
        DataError: If there are not as many scores as heads.
    """
    bars = {"scoreName": name, "limit": 1, "low": None, "high": None}
    if scores is None:
        return {"scores": None, **bars}
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != shape:
        raise DataError(
            f"Scores of the heads are [layer head], {list(shape)}, but "
            f"these have shape {list(values.shape)}."
        )
    rows = [[float(v) if np.isfinite(v) else None for v in row] for row in values]
    return {"scores": rows, **bars}


def packed(array: npt.NDArray[Any]) -> str:
    """Pack numbers as they lie in memory."""
    return base64.b64encode(array.tobytes()).decode("ascii")


def packed_floats(values: npt.NDArray[Any]) -> str:
    """Pack numbers as 32-bit floats, the low byte first."""
    return packed(np.ascontiguousarray(values, dtype="<f4"))
