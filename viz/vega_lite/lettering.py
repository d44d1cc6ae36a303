"""Type in charts: readable in any theme, and legible across a classroom."""

from typing import Any, Literal

from viz.vega_lite.channels import Fill
from viz.vega_lite.chart import Chart, Figure

PRESENT_FONT_SIZE = 20
"""Points, on a projector: the axis must be legible from the last row."""


def printed(
    rows: Chart,
    *,
    dx: int,
    dy: int = 0,
    align: Literal["left", "right"] = "left",
    **style: Any,
) -> Chart:
    """Return marks that print a text beside each row's mark, readable in any theme.

    Vega paints text black, whatever the theme, and no gray has a contrast of 4.5 to 1
    on white and on dark at once. The full end of the theme's own ramp has: it is dark
    on light, and light on dark.

    Args:
        rows: The data and its position; `text` is still to be encoded.
        dx: Distance from the place to the right, in pixels.
        dy: Distance downwards.
        align: Which end of the text is anchored there.
        style: What else `mark_text` takes: `font`, `fontSize`.
    """
    ramp = Fill("ink:Q", legend=None).scale(domain=[0, 1], range="ramp")
    texts = rows.transform_calculate(ink="1")
    return texts.mark_text(align=align, dx=dx, dy=dy, **style).encode(fill=ramp)


def enlarged(chart: Figure) -> Figure:
    """Return the chart with type legible across a classroom, and room for it."""
    size = PRESENT_FONT_SIZE
    height = chart.height
    if isinstance(height, int | float):
        chart = chart.properties(height=height + 5 * size)
    elif isinstance(height, dict):  # so much for each bar
        chart = chart.properties(height={"step": max(height["step"], size + 2)})
    words = {"labelFontSize": size, "titleFontSize": size}
    return chart.properties(
        config={
            "axis": {**words, "labelLimit": 400},
            "legend": words,
            "title": {"fontSize": size + 4},
            "text": {"fontSize": size},
        }
    )
