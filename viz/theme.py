"""The colours of every figure: one colour has one meaning everywhere.

Signed values run from vermillion (−) through nothing (0) to blue (+). Weights and
probabilities are one hue, from faint to full. Names of heads come before their colours,
so that nothing depends on telling colours apart.

Text, axes and grids are left alone: Streamlit paints them in the reader's light or dark
theme. The colours below are readable on both backgrounds.

Source: Okabe & Ito, "Color Universal Design" (2008), for the qualitative palette.
"""

from typing import Any

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GRAY = "#7A8699"
VIOLET = "#8A7FD1"

POSITIVE, NEGATIVE, NEUTRAL = BLUE, VERMILLION, GRAY

CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GRAY)
"""For things without order, in the order in which to use them."""

RAMP_ON_LIGHT = (
    *("#f2f7fb", "#deecf7", "#cbe1f2", "#a5cde8", "#7fb9de"),
    *("#55a0d1", "#2b88c4", "#1573ad", "#005f96", "#003052"),
)
"""From no weight to all of it, on a light page."""

RAMP_ON_DARK = (
    *("#152231", "#14385a", "#104c75", "#0b608f", "#1c79b1"),
    *("#2c92d0", "#58ace1", "#83c5f0", "#b5ddf8", "#e6f5ff"),
)
"""The same on a dark page, where more weight is more light."""

CSS_VARIABLES = {
    "blue": BLUE,
    "vermillion": VERMILLION,
    "green": GREEN,
    "purple": PURPLE,
    "orange": ORANGE,
    "sky": SKY,
    "gray": GRAY,
    "violet": VIOLET,
    "ramp-on-light": " ".join(RAMP_ON_LIGHT),
    "ramp-on-dark": " ".join(RAMP_ON_DARK),
}
"""The palette by the names that style sheets and scripts use: `var(--blue)`."""


def css_palette(selector: str) -> str:
    """Return the CSS rule that declares the palette's variables.

    Args:
        selector: For which elements: `:root`, `.view`.
    """
    lines = [f"  --{name}: {value};" for name, value in CSS_VARIABLES.items()]
    return "\n".join([f"{selector} {{", *lines, "}"])


def signed_scale(limit: float) -> dict[str, Any]:
    """Colour a signed value, with 0 in the middle whatever the data.

    Args:
        limit: The largest absolute value; the range shown is [−limit, limit].

    Raises:
        ValueError: If `limit` is not positive.
    """
    if not limit > 0:
        raise ValueError(f"The limit of a signed scale must be > 0, not {limit}.")
    return {
        "domain": [-limit, 0, limit],
        "range": [NEGATIVE, "#9aa5b522", POSITIVE],
        "clamp": True,
    }
