"""All heads of a model at a glance: layers down, heads across, one thumbnail each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from viz.attention import Array, pack_bytes, pool_patterns
from viz.components.delivery.view import Parcel, delivery
from viz.components.shared.mounting import chosen_cell, register

THUMBNAIL = 64
"""Cells along a thumbnail's side; a longer pattern is pooled by its largest weights."""

MOST_CELLS = 600_000
"""Cells of all thumbnails together: 1,200 heads get smaller ones than 12."""

_mount = register("head_grid", "delivered")


@dataclass(frozen=True)
class ScoreBars:
    """A score of every head, drawn as a bar under its thumbnail."""

    values: Array | None
    """[layer head], from 0."""
    name: str = "score"
    """What the scores measure."""
    limit: float = 1.0
    """The score of a full bar."""
    band: tuple[Array, Array] | None = None
    """Where scores of no interest begin and end, [layer head] each: marked on the bar,
    which is faint inside."""


@dataclass(frozen=True)
class Delivered:
    """Patterns that the browser has already."""

    name: str
    size: tuple[int, int]
    """Layers and heads."""


@dataclass(frozen=True)
class PackedPatterns:
    """Patterns that are ready to be sent."""

    parcel: Parcel
    size: tuple[int, int]
    """Layers and heads."""


def pack_patterns(patterns: Array) -> PackedPatterns:
    """Shrink and pack every head's pattern: long work, the same for one prompt.

    Args:
        patterns: See `head_grid`.

    Raises:
        ValueError: If they are not four-dimensional with square patterns.
    """
    size = _size_of(patterns)
    return PackedPatterns(Parcel.of(thumbnails(patterns)), size)


def deliver_patterns(packed: PackedPatterns, *, key: str) -> Delivered:
    """Send every head's pattern, for a grid that is drawn again and again.

    Args:
        packed: The patterns.
        key: The delivery's name on this page.
    """
    return Delivered(delivery(packed.parcel, key=key), packed.size)


def head_grid(
    patterns: Array | Delivered,
    selected: tuple[int, int] | None = None,
    *,
    key: str,
    bars: ScoreBars | None = None,
    names: Mapping[tuple[int, int], str] | None = None,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show every head's pattern; hovering magnifies one, a click selects it.

    Args:
        patterns: Weights 0–1, or bytes 0–255 for them, [layer head q_pos k_pos]; or
            what `deliver_patterns` returned for them.
        selected: Layer and head to frame.
        key: The view's name on this page.
        bars: Scores to draw under the thumbnails.
        names: What the reader calls some heads, by layer and head: written on their
            thumbnails. Those of heads that there are not are left out.
        on_select: Called with (layer, head) on a click, before the page runs again.

    Returns:
        Layer and head selected now.

    Raises:
        ValueError: If `patterns` is not four-dimensional with square patterns, the
            scores or their band do not fit it, or `selected` lies outside.
    """
    drawn: dict[str, object]
    if isinstance(patterns, Delivered):
        (layers, heads), drawn = patterns.size, {"delivered": patterns.name}
    else:
        (layers, heads), drawn = _size_of(patterns), thumbnails(patterns)
    chosen, clicked = chosen_cell(key, (layers, heads), selected, on_select)
    bars = bars or ScoreBars(None)
    low, high = bars.band or (None, None)
    _mount(
        key=key,
        data={
            "layers": layers,
            "heads": heads,
            **drawn,
            "selected": None if chosen is None else list(chosen),
            "scores": _rounded("Scores", bars.values, (layers, heads)),
            "names": [
                [layer, head, name]
                for (layer, head), name in (names or {}).items()
                if layer < layers and head < heads
            ],
            "scoreName": bars.name,
            "limit": bars.limit,
            "low": _rounded("A band's low edge", low, (layers, heads)),
            "high": _rounded("A band's high edge", high, (layers, heads)),
        },
        on_picked_change=clicked,
    )
    return chosen


def _size_of(patterns: Array) -> tuple[int, int]:
    """Return how many layers there are, and heads in each."""
    if patterns.ndim != 4 or patterns.shape[2] != patterns.shape[3]:
        raise ValueError(
            "Patterns of all heads must be [layer head q_pos k_pos] with as many "
            f"queries as keys, but have shape {list(patterns.shape)}."
        )
    return patterns.shape[0], patterns.shape[1]


def thumbnails(patterns: Array) -> dict[str, object]:
    """Shrink and pack the patterns; of a causal model, only what may be read."""
    number, count = patterns.shape[0] * patterns.shape[1], patterns.shape[-1]
    side = min(THUMBNAIL, max(8, int((2 * MOST_CELLS / max(number, 1)) ** 0.5)))
    small = np.nan_to_num(pool_patterns(patterns, side))
    causal = count > 1 and not np.triu(small, k=1).any()
    if causal:
        rows, columns = np.tril_indices(small.shape[-1])
        packed = pack_bytes(small[..., rows, columns])
    else:
        packed = pack_bytes(small)
    return {"side": small.shape[-1], "causal": causal, "weights": packed}


def _rounded(
    name: str, scores: Array | None, shape: tuple[int, int]
) -> list[list[float | None]] | None:
    """Round to the digits shown; JSON has no word for not-a-number."""
    if scores is None:
        return None
    if scores.shape != shape:
        raise ValueError(
            f"{name} must be [layer head] = [{shape[0]} {shape[1]}], but have shape "
            f"{list(scores.shape)}."
        )
    rounded = np.round(np.asarray(scores, dtype=np.float64), 3)
    return [
        [float(score) if np.isfinite(score) else None for score in row]
        for row in rounded
    ]
