"""Weights rounded to a grid: where they lay, where they go, and what that costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, GRAY, VERMILLION

BEFORE, AFTER = "before", "after rounding"
RISES, FALLS = "the loss rises", "the loss falls"
_WIDEST, _NARROWEST = 9.0, 1.5
"""Pixels of a line at a point of the grid, with 16 points and with 256."""
_FEW_POINTS = 32


def before_table(edges: Array, counts: Array) -> pd.DataFrame:
    """Return the histogram before rounding: columns start, end, weights, what, zero.

    Weights are counted for a whole step of the grid, however narrow the bins are, so
    that both histograms have one scale.

    Args:
        edges: Of the bins, in steps, [bin + 1].
        counts: Weights in each, [bin].

    Raises:
        ValueError: If the lengths do not fit.
    """
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} bins have {len(edges)} edges.")
    each = float(edges[1] - edges[0])
    return pd.DataFrame(
        {
            "start": edges[:-1],
            "end": edges[1:],
            "weights": np.asarray(counts, float) / each,
        }
    ).assign(what=BEFORE, zero=0)


def after_table(points: Array, counts: Array) -> pd.DataFrame:
    """Return the weights at each point of the grid: columns point, weights, zero, what.

    Args:
        points: Of the grid, in steps, [point].
        counts: Weights at each, [point].

    Raises:
        ValueError: If the lengths differ.
    """
    if len(points) != len(counts):
        raise ValueError(f"{len(points)} points but {len(counts)} counts.")
    return pd.DataFrame({"point": points, "weights": counts, "zero": 0}).assign(
        what=AFTER
    )


def grid_chart(
    before: tuple[Array, Array], after: tuple[Array, Array], *, height: int = 260
) -> vl.LayerChart:
    """Draw the weights of a matrix along its grid, before and after rounding.

    Args:
        before: See `before_table`.
        after: See `after_table`.
        height: In pixels.

    Raises:
        ValueError: See `before_table` and `after_table`.
    """
    bins, points = before_table(*before), after_table(*after)
    low, high = float(bins["start"].iloc[0]), float(bins["end"].iloc[-1])
    colour = (
        vl.Color("what:N", title=None)
        .scale(domain=[BEFORE, AFTER], range=[GRAY, BLUE])
        .legend(orient="top")
    )
    title = "weight, in steps of its grid"
    x = vl.X("start:Q", title=title).scale(domain=[low, high], nice=False)
    y = vl.Y("weights:Q", title="weights per step")
    was = (
        vl.Chart(bins)
        .mark_rect(opacity=0.45)
        .encode(x=x, x2="end:Q", y=y, y2="zero:Q", color=colour)
    )
    width = _WIDEST if len(points) <= _FEW_POINTS else _NARROWEST
    now = (
        vl.Chart(points)
        .mark_rule(strokeWidth=width)
        .encode(
            x=vl.X("point:Q", title=title),
            y=y,
            y2="zero:Q",
            color=colour,
            tooltip=[
                vl.Tooltip("point:Q", title="integer"),
                vl.Tooltip("weights:Q", format=","),
            ],
        )
    )
    return vl.LayerChart(layer=[was, now], height=height)


def rise_table(rises: Mapping[str, float]) -> pd.DataFrame:
    """Return one row per matrix, the worst first: columns matrix, rise, what.

    Args:
        rises: Of the loss when a matrix is rounded alone, in nats per token, by name.
    """
    table = pd.DataFrame({"matrix": list(rises), "rise": list(rises.values())})
    table["what"] = [RISES if rise > 0 else FALLS for rise in rises.values()]
    return table.sort_values("rise", ascending=False, ignore_index=True)


def rise_chart(rises: Mapping[str, float]) -> vl.Chart:
    """Draw what rounding each matrix alone costs, the worst first.

    Args:
        rises: See `rise_table`.
    """
    chart: vl.Chart = (
        vl.Chart(rise_table(rises))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=vl.Y("matrix:N", title=None, sort=None).axis(
                labelFont="monospace",
                labelOverlap=False,
                labelLimit=220,
                ticks=False,
                domain=False,
            ),
            x=vl.X("rise:Q", title="rise of the loss, nats per token"),
            color=vl.Color("what:N", title=None)
            .scale(domain=[RISES, FALLS], range=[VERMILLION, BLUE])
            .legend(orient="top"),
            tooltip=["matrix:N", vl.Tooltip("rise:Q", format="+.5f")],
        )
        .properties(height={"step": 18})
    )
    return chart


def steps_table(columns: Mapping[str, Sequence[float] | Array]) -> pd.DataFrame:
    """Return some weights on their way, a row each, in columns of these names."""
    return pd.DataFrame({name: list(values) for name, values in columns.items()})
