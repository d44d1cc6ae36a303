"""Two buttons that save the picture beside them, drawn again in the browser for print.

A chart is written by Vega, which drew it; a view is read off the page: its elements,
its SVG and what was drawn on its canvases become shapes and text of one plain SVG 1.1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viz.components.shared.mounting import register
from viz.theme import RAMP_ON_DARK, RAMP_ON_LIGHT

_mount = register(
    "save_figure",
    "picture_colours",
    "picture_canvas",
    "picture_shapes",
    "picture_elements",
    "picture_chart",
    "picture_page",
)


@dataclass(frozen=True)
class Heading:
    """What is written above and below a picture."""

    title: str
    lines: Sequence[str]
    """The model, the training step: one line each."""
    caption: str
    """How it was computed. What the page says below the figure comes before it."""


def save_figure(
    heading: Heading,
    *,
    file_name: str,
    anchor: str,
    paper: Mapping[str, str],
    key: str,
) -> None:
    """Show the buttons "PNG" and "SVG".

    Saved is what stands above the anchor and below the one before it.

    Args:
        heading: What the picture says of itself.
        file_name: Of the saved file, without its ending.
        anchor: The key of the container that stands beside the figure, one of several
            whose keys begin alike, up to the first `_of_`.
        paper: Colours of the light theme, by the names of Streamlit's CSS variables:
            `--st-text-color`.
        key: The view's name on this page.
    """
    data = {
        "title": heading.title,
        "lines": list(heading.lines),
        "caption": heading.caption,
        "file": file_name,
        "anchor": css_class(anchor),
        "anchors": css_class(anchor[: anchor.index("_of_") + 4]),
        "paper": dict(paper),
        "ramps": [list(RAMP_ON_DARK), list(RAMP_ON_LIGHT)],
    }
    _mount(key=key, data=data)


def css_class(key: str) -> str:
    """Return the class that Streamlit gives the element with a key.

    >>> css_class("save_of_heat map")
    'st-key-save_of_heat-map'
    """
    return "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key.strip())
