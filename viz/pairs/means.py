"""Means over many pairs of prompts: as a map, and as dots with their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.components.value_grid.view import Grid
from viz.lens_charts import LEAN, NARROW, room_for
from viz.theme import BLUE, GRAY, VERMILLION
from viz.tokens import display_piece
from viz.vega_lite.lettering import printed

Values = tuple[Any, Any, Any]
"""Means, and where their intervals begin and end: arrays or lists of one shape."""

LINES = ("clean prompts", "corrupted prompts")


def place_names(texts: Sequence[Sequence[str]]) -> list[str]:
    """Name the places of several texts: by the piece there, `…` where they differ.

    >>> place_names([["a", " girl"], ["a", " boy"]])
    ['0 a', '1 ·girl …']

    Args:
        texts: Their pieces, as many in each.

    Raises:
        ValueError: If there are not as many of each.
    """
    return [
        f"{place} {display_piece(pieces[0])}" + " …" * (len(set(pieces)) > 1)
        for place, pieces in enumerate(zip(*texts, strict=True))
    ]


def head_names(layers: int, heads: int) -> list[list[str]]:
    """Name every head, [layer head].

    >>> head_names(1, 2)
    [['L0H0', 'L0H1']]
    """
    return [[f"L{layer}H{head}" for head in range(heads)] for layer in range(layers)]


def in_words(mean: float, low: float, high: float) -> str:
    """Say a mean with its interval; of one pair alone there is none.

    >>> in_words(0.5, 0.25, 0.75), in_words(-1.0, float("nan"), float("nan"))
    ('+0.50 (95% interval +0.25 to +0.75)', '−1.00')
    """
    said = signed(mean)
    if np.isnan(low):
        return said
    return f"{said} (95% interval {signed(low)} to {signed(high)})"


def mean_grid(
    values: Values,
    names: Sequence[Sequence[str]],
    unit: str,
    **settings: Any,
) -> Grid:
    """Show means in rows and columns; each cell's caption has its interval.

    Args:
        values: The means and both ends of their intervals, [row col] each.
        names: Of the cells, [row col].
        unit: What the means are.
        settings: Further fields of `Grid`.
    """
    mean, low, high = (np.asarray(each, dtype=np.float64) for each in values)
    sentences = [
        [
            f"{name}: {in_words(*numbers)} {unit}"
            for name, *numbers in zip(*row, strict=True)
        ]
        for row in zip(names, mean.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    settings = {"signed": True, "shrinks": True, **settings}
    return Grid(mean, unit=unit, sentences=sentences, **settings)


def means_table(names: Sequence[str], values: Values) -> pd.DataFrame:
    """Return the table behind `means_chart`, a row for each name.

    Args:
        names: All different, in the order to show.
        values: The means and both ends of their intervals.

    Raises:
        ValueError: If there are not as many of each.
    """
    mean, low, high = (np.asarray(each, dtype=np.float64) for each in values)
    if not len(names) == len(mean) == len(low) == len(high):
        raise ValueError(
            f"{len(names)} names, but {len(mean)} means, {len(low)} and {len(high)} "
            "ends of intervals."
        )
    printed_as = [signed(value) for value in mean.tolist()]
    columns = {"mean": mean, "low": low, "high": high, "text": printed_as}
    return pd.DataFrame({"name": list(names), **columns})


def means_chart(table: pd.DataFrame, unit: str) -> vl.LayerChart:
    """Draw each mean as a dot, and its interval as a line through it.

    Args:
        table: From `means_table`.
        unit: What the means are.
    """
    rows = vl.Chart(table).encode(
        # Named in order: a chart that is drawn anew would keep the order it had.
        y=vl.Y("name:N", title=None, sort=list(table["name"])).axis(
            ticks=False, domain=False, labelOverlap=False, labelLimit=190, **LEAN
        ),
        tooltip=_tooltip("name:N"),
    )
    zero = (
        vl.Chart(pd.DataFrame({"x": [0.0]}))
        .mark_rule(color=GRAY, strokeDash=[4, 3])
        .encode(x=vl.X("x:Q", title=unit).axis(**LEAN))
    )
    spans = rows.mark_rule(color=GRAY, strokeWidth=3).encode(x="low:Q", x2="high:Q")
    dots = rows.mark_point(filled=True, size=80, opacity=1, color=BLUE).encode(
        x="mean:Q"
    )
    numbers = printed(rows, dx=8, dy=-8, fontSize=10).encode(x="mean:Q", text="text:N")
    chart: vl.LayerChart = (zero + spans + dots + numbers).properties(
        height=room_for(len(table)) + 6 * len(table), padding=NARROW
    )
    return chart


def lens_table(
    points: Sequence[str], means: Array, lows: Array, highs: Array
) -> pd.DataFrame:
    """Return the table behind `lens_chart`, a row for each point of each line.

    Args:
        points: Names of the places along the stream.
        means: [line point].
        lows: Where each interval begins.
        highs: Where it ends.
    """
    return pd.concat(
        [
            means_table(points, (means[line], lows[line], highs[line])).assign(
                line=name
            )
            for line, name in enumerate(LINES)
        ],
        ignore_index=True,
    )


def lens_chart(table: pd.DataFrame, unit: str) -> vl.LayerChart:
    """Draw the means along the layers, a line for each kind of prompt.

    Args:
        table: From `lens_table`.
        unit: What the means are.
    """
    base = vl.Chart(table).encode(
        x=vl.X("name:N", sort=None, title=None).axis(
            labelAngle=-90, labelOverlap=True, labelLimit=100, grid=False, **LEAN
        ),
        color=vl.Color("line:N", title=None)
        .scale(domain=list(LINES), range=[BLUE, VERMILLION])
        .legend(orient="top", offset=2),
        tooltip=_tooltip("line:N", "name:N"),
    )
    lines = base.mark_line(point=True, strokeWidth=2).encode(
        y=vl.Y("mean:Q", title=unit).axis(tickCount=6, **LEAN)
    )
    spans = base.mark_rule(strokeWidth=3, opacity=0.45).encode(y="low:Q", y2="high:Q")
    chart: vl.LayerChart = (spans + lines).properties(height=300, padding=NARROW)
    return chart


def _tooltip(*names: str) -> list[str | vl.Tooltip]:
    return [
        *names,
        vl.Tooltip("mean:Q", format="+.3f"),
        vl.Tooltip("low:Q", title="95% interval from", format="+.3f"),
        vl.Tooltip("high:Q", title="to", format="+.3f"),
    ]


def signed(value: float) -> str:
    """Write a number with its sign; what rounds to zero has none.

    >>> signed(1.234), signed(-0.001)
    ('+1.23', '0.00')
    """
    text = f"{abs(value):.2f}"
    sign = "" if float(text) == 0 else "−" if value < 0 else "+"
    return sign + text
