"""The colours of every figure: one colour has one meaning everywhere.

Signed values run from vermillion (−) through nothing (0) to blue (+). Weights and
probabilities are one hue, from faint to full. Names of heads come before their colours,
so that nothing depends on telling colours apart.

Text, axes and grids are left alone: Streamlit paints them in the reader's light or dark
theme. The colours below are readable on both backgrounds.

The values lie in `components/shared/palette.json`, where a lesson file finds them too.

Source: Okabe & Ito, "Color Universal Design" (2008), for the qualitative palette.
"""

import json
from pathlib import Path
from typing import Any, Literal

import altair as alt

CSS_VARIABLES: dict[str, str] = json.loads(
    (Path(__file__).parent / "components" / "shared" / "palette.json").read_text(
        "utf-8"
    )
)
"""The palette by the names that style sheets and scripts use: `var(--blue)`."""

BLUE = CSS_VARIABLES["blue"]
VERMILLION = CSS_VARIABLES["vermillion"]
GREEN = CSS_VARIABLES["green"]
PURPLE = CSS_VARIABLES["purple"]
ORANGE = CSS_VARIABLES["orange"]
SKY = CSS_VARIABLES["sky"]
GRAY = CSS_VARIABLES["gray"]
VIOLET = CSS_VARIABLES["violet"]

POSITIVE, NEGATIVE, NEUTRAL = BLUE, VERMILLION, GRAY

CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GRAY)
"""For things without order, in the order in which to use them."""

RAMP_ON_LIGHT = tuple(CSS_VARIABLES["ramp-on-light"].split())
"""From no weight to all of it, on a light page."""

RAMP_ON_DARK = tuple(CSS_VARIABLES["ramp-on-dark"].split())
"""The same on a dark page, where more weight is more light."""

PRESENT_FONT_SIZE = 20
"""Points, on a projector: the axis must be legible from the last row."""


def css_palette(selector: str) -> str:
    """Return the CSS rule that declares the palette's variables.

    Args:
        selector: For which elements: `:root`, `.view`.
    """
    lines = [f"  --{name}: {value};" for name, value in CSS_VARIABLES.items()]
    return "\n".join([f"{selector} {{", *lines, "}"])


def signed_scale(limit: float) -> alt.Scale:
    """Colour a signed value, with 0 in the middle whatever the data.

    Args:
        limit: The largest absolute value; the range shown is [−limit, limit].

    Raises:
        ValueError: If `limit` is not positive.
    """
    if not limit > 0:
        raise ValueError(f"The limit of a signed scale must be > 0, not {limit}.")
    return alt.Scale(
        domain=[-limit, 0, limit], range=[NEGATIVE, "#9aa5b522", POSITIVE], clamp=True
    )


def printed(
    rows: alt.Chart,
    *,
    dx: int,
    dy: int = 0,
    align: Literal["left", "right"] = "left",
    **style: Any,
) -> alt.Chart:
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
    ramp = alt.Scale(domain=[0, 1], range="ramp")
    marks: alt.Chart = (
        rows.transform_calculate(ink="1")
        .mark_text(align=align, dx=dx, dy=dy, **style)
        .encode(fill=alt.Fill("ink:Q", scale=ramp, legend=None))
    )
    return marks


def enlarged(chart: alt.Chart | alt.LayerChart) -> alt.Chart | alt.LayerChart:
    """Return the chart with type legible across a classroom, and room for it."""
    size = PRESENT_FONT_SIZE
    height = chart.to_dict().get("height")
    if isinstance(height, int | float):
        chart = chart.properties(height=height + 5 * size)
    elif isinstance(height, dict):  # so much for each bar
        step = max(height["step"], size + 2)
        chart = chart.properties(height=alt.Step(step))
    figure: alt.Chart | alt.LayerChart = (
        chart.configure_axis(labelFontSize=size, titleFontSize=size, labelLimit=400)
        .configure_legend(labelFontSize=size, titleFontSize=size)
        .configure_title(fontSize=size + 4)
        .configure_text(fontSize=size)
    )
    return figure


@alt.theme.register("minigpt", enable=True)
def _altair_theme() -> alt.theme.ThemeConfig:
    """Give charts outside the app, in a notebook, the same palette."""
    return {
        "config": {
            "range": {"category": list(CATEGORIES)},
            "axis": {"grid": True, "gridOpacity": 0.35, "tickCount": 5},
            "view": {"stroke": None},
        }
    }
