"""Charts as Vega-Lite's specifications, in the words of Altair.

    vl.Chart(table).mark_bar().encode(x="weight:Q", y=vl.Y("head:N", title=None))

Altair checks each word against Vega-Lite's schema, every time: 50 to 100 ms for each
chart, and some pages draw five of them for a click. Here a word becomes its part of the
specification at once, in under a millisecond. A test checks the words instead: it lets
Altair draw every chart from the same lines, and compares.

Source: Satyanarayan et al., "Vega-Lite: A Grammar of Interactive Graphics" (2017);
VanderPlas et al., "Altair" (2018), for the words.
"""

from viz.vega_lite.channels import (
    Channel,
    Color,
    Fill,
    Opacity,
    Shape,
    StrokeDash,
    StrokeWidth,
    Text,
    Tooltip,
    X,
    Y,
    YOffset,
)
from viz.vega_lite.chart import Chart, Figure, LayerChart, selection_point
from viz.vega_lite.expressions import datum, value, when

__all__ = [
    "Channel",
    "Chart",
    "Color",
    "Figure",
    "Fill",
    "LayerChart",
    "Opacity",
    "Shape",
    "StrokeDash",
    "StrokeWidth",
    "Text",
    "Tooltip",
    "X",
    "Y",
    "YOffset",
    "datum",
    "selection_point",
    "value",
    "when",
]
