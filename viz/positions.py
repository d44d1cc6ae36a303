"""Positions as pictures: vectors by position, what distance does, loss past the end."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.lens_charts import LEAN, NARROW
from viz.theme import BLUE, GRAY, VERMILLION, signed_scale
from viz.vega_lite.lettering import printed

MOST_ROWS, MOST_COLUMNS = 48, 64
"""Of a large table, every nth position and number is drawn."""

MOST_POINTS = 160
"""Distances in a line; of more, every nth."""

MOST_LINES = 12
"""Heads drawn, the chosen one among them."""


def every(length: int, most: int) -> int:
    """Return the stride that leaves at most so many of a length.

    >>> every(100, 48), every(40, 48)
    (3, 1)
    """
    return max(1, -(-length // most))


def vector_picture(vectors: Array) -> vl.Chart:
    """Draw position vectors as rows of signed cells.

    Args:
        vectors: [pos d_model].
    """
    down, across = every(len(vectors), MOST_ROWS), every(vectors.shape[1], MOST_COLUMNS)
    shown = np.asarray(vectors, dtype=np.float64)[::down, ::across]
    rows, columns = np.indices(shown.shape)
    table = pd.DataFrame(
        {
            "position": (rows * down).ravel(),
            "number": (columns * across).ravel(),
            "value": shown.ravel(),
        }
    )
    axis = {"labelOverlap": True, "ticks": False, "domain": False, **LEAN}
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_rect()
        .encode(
            x=vl.X("number:O", title="number of the vector").axis(labelAngle=0, **axis),
            y=vl.Y("position:O", title="position").axis(**axis),
            color=vl.Color("value:Q", title=None)
            .scale(signed_scale(float(np.abs(shown).max()) or 1.0))
            .legend(orient="right", gradientLength=180, format=".2~g"),
            tooltip=[
                "position:O",
                "number:O",
                vl.Tooltip("value:Q", format=".4f"),
            ],
        )
        .properties(height=285, padding=NARROW)
    )
    return chart


def distance_table(
    distances: Array, values: Array, names: Sequence[str], chosen: int
) -> pd.DataFrame:
    """Return one row per series and distance, thinned: the table behind the lines.

    Args:
        distances: In tokens.
        values: [series distance].
        names: Of the series.
        chosen: Which series is highlighted.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if values.shape != (len(names), len(distances)):
        raise ValueError(
            f"{len(names)} series of {len(distances)} distances need values of "
            f"[{len(names)} {len(distances)}], not {list(values.shape)}."
        )
    others = [place for place in range(len(names)) if place != chosen]
    drawn = [*others[: MOST_LINES - 1], chosen]
    # Close distances matter most: the first are all kept.
    step = every(len(distances), MOST_POINTS)
    kept = [far for far in range(len(distances)) if far < 40 or far % step == 0]
    return pd.DataFrame(
        {
            "distance": int(distances[far]),
            "series": names[place],
            "value": float(values[place, far]),
            "chosen": place == chosen,
        }
        for place in drawn
        for far in kept
    )


def distance_lines(
    table: pd.DataFrame, meaning: str, trained: int | None
) -> vl.LayerChart:
    """Draw what distance does: one line, or one per head with the chosen one full.

    Args:
        table: From `distance_table`.
        meaning: What a value is, with its unit.
        trained: Training texts had no distance from here on; None: they had all.
    """
    lines = (
        vl.Chart(table)
        .mark_line(strokeWidth=2, interpolate="linear")
        .encode(
            x=vl.X("distance:Q", title="distance (tokens)")
            .scale(nice=False)
            .axis(**LEAN),
            y=vl.Y("value:Q", title=meaning).axis(**LEAN),
            detail="series:N",
            color=vl.when(vl.datum.chosen)
            .then(vl.value(BLUE))
            .otherwise(vl.value(GRAY)),
            opacity=vl.when(vl.datum.chosen)
            .then(vl.value(1.0))
            .otherwise(vl.value(0.5)),
            tooltip=[
                "series:N",
                "distance:Q",
                vl.Tooltip("value:Q", format=".3f"),
            ],
        )
    )
    both = lines + _end_of_training(trained, "distance")
    chart: vl.LayerChart = both.properties(height=265, padding=NARROW)
    return chart


def loss_table(losses: Array, bucket: int) -> pd.DataFrame:
    """Average losses over neighbouring positions: the table behind the line.

    Args:
        losses: Nats, [pos].
        bucket: Positions in a point.
    """
    nats = np.asarray(losses, dtype=np.float64)
    starts = range(0, len(losses), bucket)
    return pd.DataFrame(
        {
            "position": [
                start + min(bucket, len(losses) - start) / 2 for start in starts
            ],
            "loss": [float(nats[start : start + bucket].mean()) for start in starts],
        }
    )


def loss_line(table: pd.DataFrame, trained: int) -> vl.LayerChart:
    """Draw the loss by position, with the end of the training length.

    Args:
        table: From `loss_table`.
        trained: The longest text of the training, in tokens.
    """
    line = (
        vl.Chart(table)
        .mark_line(point=True, strokeWidth=2, color=BLUE)
        .encode(
            x=vl.X("position:Q", title="position (tokens)").axis(**LEAN),
            y=vl.Y("loss:Q", title="loss (nats per token)")
            .scale(zero=True)
            .axis(**LEAN),
            tooltip=["position:Q", vl.Tooltip("loss:Q", format=".3f")],
        )
    )
    both = line + _end_of_training(trained, "position")
    chart: vl.LayerChart = both.properties(height=220, padding=NARROW)
    return chart


def _end_of_training(trained: int | None, field: str) -> vl.LayerChart:
    """Return a line where the training texts ended, and its words; or nothing."""
    places = [] if trained is None else [trained]
    words = ["longest in training"] * len(places)
    base = vl.Chart(pd.DataFrame({field: places, "words": words})).encode(
        x=f"{field}:Q"
    )
    rule = base.mark_rule(color=VERMILLION, strokeDash=[5, 3])
    text = printed(base, dx=-5, align="right", y=8).encode(text="words:N")
    both: vl.LayerChart = rule + text
    return both
