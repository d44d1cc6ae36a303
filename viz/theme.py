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
from typing import Any

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
