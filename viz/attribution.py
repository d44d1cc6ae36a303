"""Logit attribution: a signed bar for each part of the model, and their sum.

Before: `lens_charts`, which shows when the answer appears.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.lens_charts import LEAN, NARROW, room_for, token_axis
from viz.theme import NEGATIVE, NEUTRAL, POSITIVE

SUM = "sum"
"""Name of the last bar."""

PICKED = "picked"
"""Name of the charts' selection: rows {"part": name}."""


def attribution_table(parts: Sequence[str], shares: Array) -> pd.DataFrame:
    """Return one row per part, in order, and their sum: the table behind the bars.

    Args:
        parts: Names, all different.
        shares: What each adds to the logit.

    Raises:
        ValueError: If there are not as many shares as parts.
    """
    if len(parts) != len(shares):
        raise ValueError(f"{len(parts)} parts, but {len(shares)} shares.")
    values = np.asarray(shares, dtype=np.float64)
    return pd.DataFrame({"part": [*parts, SUM], "share": [*values, values.sum()]})


def attribution_bars(table: pd.DataFrame, chosen: str | None = None) -> vl.Chart:
    """Draw what each part adds to a logit; a click picks one.

    Args:
        table: From `attribution_table`.
        chosen: The part to frame.
    """
    sign = vl.when(vl.datum.part == SUM).then(vl.value(NEUTRAL))
    sign = sign.when(vl.datum.share >= 0).then(vl.value(POSITIVE))
    is_chosen = vl.datum.part == ("" if chosen is None else chosen)
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_bar(cornerRadiusEnd=2, cursor="pointer", strokeWidth=2)
        .encode(
            x=vl.X("part:N", sort=None, title=None).axis(
                labelAngle=-90, labelOverlap=True, grid=False, **LEAN
            ),
            y=vl.Y("share:Q", title="share of the logit").axis(**LEAN),
            color=sign.otherwise(vl.value(NEGATIVE)),
            stroke=vl.when(is_chosen)
            .then(vl.value(NEUTRAL))
            .otherwise(vl.value("transparent")),
            tooltip=["part:N", vl.Tooltip("share:Q", format="+.4f")],
        )
        .add_params(vl.selection_point(PICKED, fields=["part"], clear=False))
        .properties(height=250, padding=NARROW)
    )
    return chart


def signed_bars(names: Sequence[str], values: Array, unit: str) -> vl.Chart:
    """Draw a few named signed numbers, one below the other.

    Args:
        names: All different, in the order to show.
        values: As many.
        unit: What the numbers are, for the axis.

    Raises:
        ValueError: If there are not as many values as names.
    """
    if len(names) != len(values):
        raise ValueError(f"{len(names)} names, but {len(values)} values.")
    numbers = np.asarray(values, dtype=np.float64)
    limit = float(np.abs(numbers).max(initial=0)) or 1.0
    sign = vl.when(vl.datum.value >= 0).then(vl.value(POSITIVE))
    chart: vl.Chart = (
        vl.Chart(pd.DataFrame({"name": list(names), "value": numbers}))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=token_axis("name"),
            x=vl.X("value:Q", title=unit)
            .scale(domain=[-limit, limit])
            .axis(tickCount=5, **LEAN),
            color=sign.otherwise(vl.value(NEGATIVE)),
            tooltip=["name:N", vl.Tooltip("value:Q", format="+.4f", title=unit)],
        )
        .properties(height=room_for(len(numbers)), padding=NARROW)
    )
    return chart
