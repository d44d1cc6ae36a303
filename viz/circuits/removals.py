"""What taking parts of a model away was predicted to do, beside what it does."""

from collections.abc import Sequence

import pandas as pd

from viz import vega_lite as vl
from viz.lens_charts import LEAN, NARROW
from viz.theme import BLUE, GRAY
from viz.vega_lite.lettering import printed

NAMED = 40
"""Points whose names there is room for."""


def removal_table(
    names: Sequence[str], predicted: Sequence[float], measured: Sequence[float]
) -> pd.DataFrame:
    """Return a row for each part or node: the table behind the scatter."""
    return pd.DataFrame({"name": names, "predicted": predicted, "measured": measured})


def predicted_and_measured(table: pd.DataFrame) -> vl.LayerChart:
    """Draw each row of a `removal_table` as a point; on the line both agree.

    Args:
        table: Logits of the difference that are lost.
    """
    both = pd.concat([table["predicted"], table["measured"]])
    low, high = min(float(both.min()), 0.0), max(float(both.max()), 0.0)
    ends = pd.DataFrame({"x": [low, high], "y": [low, high]})
    line = (
        vl.Chart(ends)
        .mark_line(color=GRAY, strokeDash=[4, 4])
        .encode(x=vl.X("x:Q", title="predicted, logits").axis(**LEAN), y="y:Q")
    )
    base = vl.Chart(table).encode(
        x="predicted:Q",
        y=vl.Y("measured:Q", title="measured, logits").axis(**LEAN),
        tooltip=[
            "name:N",
            vl.Tooltip("predicted:Q", format="+.3f"),
            vl.Tooltip("measured:Q", format="+.3f"),
        ],
    )
    points = base.mark_circle(color=BLUE, size=70, opacity=0.7)
    layers: list[vl.Chart] = [line, points]
    if len(table) <= NAMED:
        names = printed(base, dx=7, dy=-6, fontSize=10)
        layers.append(names.encode(text="name:N"))
    return vl.LayerChart(layer=layers, height=300, padding=NARROW)
