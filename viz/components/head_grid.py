"""All heads of a model at a glance: layers down, heads across, one thumbnail each."""

from collections.abc import Callable

import numpy as np

from viz.attention import Array, masked_cells, pack_bytes, pool_patterns
from viz.components.mounting import current_choice, listener, read_pair, register

THUMBNAIL = 64
"""Cells along a thumbnail's side; a longer pattern is pooled by its largest weights."""

_mount = register("head_grid")


def head_grid(
    patterns: Array,
    selected: tuple[int, int] | None = None,
    *,
    key: str,
    scores: Array | None = None,
    score_name: str = "score",
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show every head's pattern; hovering magnifies one, a click selects it.

    Args:
        patterns: Weights 0–1, or bytes 0–255 for them, [layer head q_pos k_pos].
        selected: Layer and head to frame.
        key: The view's name on this page.
        scores: What to write beside each head's name, [layer head], 0–1: drawn as a bar
            under the thumbnail.
        score_name: What the scores measure.
        on_select: Called with (layer, head) on a click, before the page runs again.

    Returns:
        Layer and head selected now.

    Raises:
        ValueError: If `patterns` is not four-dimensional with square patterns, `scores`
            does not fit it, or `selected` lies outside.
    """
    if patterns.ndim != 4 or patterns.shape[2] != patterns.shape[3]:
        raise ValueError(
            "Patterns of all heads must be [layer head q_pos k_pos] with as many "
            f"queries as keys, but have shape {list(patterns.shape)}."
        )
    layers, heads, count, _ = patterns.shape
    if scores is not None and scores.shape != (layers, heads):
        raise ValueError(
            f"Scores must be [layer head] = [{layers} {heads}], but have shape "
            f"{list(scores.shape)}."
        )

    def fits(place: tuple[int, int]) -> bool:
        return 0 <= place[0] < layers and 0 <= place[1] < heads

    chosen = current_choice(key, selected, fits)
    thumbnails = pool_patterns(patterns, THUMBNAIL)
    _mount(
        key=key,
        data={
            "layers": layers,
            "heads": heads,
            "tokens": count,
            "side": thumbnails.shape[-1],
            "causal": bool(masked_cells(patterns)[..., 0, -1].all()) and count > 1,
            "weights": pack_bytes(thumbnails),
            "selected": None if chosen is None else list(chosen),
            "scores": None if scores is None else _rounded(scores),
            "scoreName": score_name,
        },
        on_picked_change=listener(key, read_pair, fits, on_select),
    )
    return chosen


def _rounded(scores: Array) -> list[list[float | None]]:
    """Round to the digits shown; JSON has no word for not-a-number."""
    rounded = np.round(np.asarray(scores, dtype=np.float64), 3)
    return [
        [float(score) if np.isfinite(score) else None for score in row]
        for row in rounded
    ]
