"""Learning to copy: the loss of words the first and second time, and copying heads.

Losses stand on the left axis, in nats per token; scores on the right, from 0 to 1. They
share one picture because the question is whether they change in the same steps.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from PIL import Image

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, GRAY, GREEN, ORANGE, SKY, VERMILLION

LINES: Final = {
    "first_loss": "loss, first time",
    "second_loss": "loss, second time",
    "induction": "induction score",
    "previous_token": "previous-token score",
}
"""Column → what the line is called."""

_LOSSES: Final = ("first_loss", "second_loss")
_COLOURS: Final = {
    "first_loss": GRAY,
    "second_loss": BLUE,
    "induction": VERMILLION,
    "previous_token": ORANGE,
}


def copying_table(columns: Mapping[str, Sequence[float] | Array]) -> pd.DataFrame:
    """Return the points of the figure: columns step, value, line, axis.

    Args:
        columns: `step`, and one column for each of `LINES`, all of one length.

    Raises:
        ValueError: If a column is missing or of another length.
    """
    missing = [name for name in ("step", *LINES) if name not in columns]
    if missing:
        raise ValueError(f"Columns are missing: {', '.join(missing)}.")
    steps = np.asarray(columns["step"])
    parts = []
    for name, line in LINES.items():
        values = np.asarray(columns[name], dtype=np.float64)
        if len(values) != len(steps):
            raise ValueError(f"{len(steps)} steps, but {len(values)} of {name}.")
        axis = "loss" if name in _LOSSES else "score"
        parts.append(
            pd.DataFrame({"step": steps, "value": values, "line": line, "axis": axis})
        )
    return pd.concat(parts, ignore_index=True)


def copying_curve(
    columns: Mapping[str, Sequence[float] | Array],
    *,
    last_step: int,
    uniform_loss: float,
    guess: int | None = None,
    halves: Mapping[str, int] | None = None,
    height: int = 350,
) -> vl.LayerChart:
    """Draw losses and scores over the steps, a guess, and where lines were half way.

    Args:
        columns: See `copying_table`; may be of length 0, before a run.
        last_step: Where the axis ends.
        uniform_loss: Loss of a word that cannot be predicted, in nats: a dotted line.
        guess: A step to mark by a dashed upright line, named above.
        halves: A dot on each of these lines, by column, at a step that it has.
        height: In pixels, axes and legend included.
    """
    table = copying_table(columns)
    step = vl.X("step:Q", title="step").scale(domain=[0, last_step], nice=False)
    highest = 1.05 * max(uniform_loss, table["value"].max() if len(table) else 0.0)
    layers = [
        vl.LayerChart(
            layer=[*_lines(table, "loss", step, highest), _unknowable(uniform_loss)]
        )
    ]
    if len(table):
        scores = [
            *_lines(table, "score", step, 1.0),
            _dots(table, "score", halves or {}, step),
        ]
        layers[0] += _dots(table, "loss", halves or {}, step)
        layers.append(vl.LayerChart(layer=scores))
    figure = vl.LayerChart(layer=layers, height=height)
    figure = figure.resolve_scale(y="independent")
    return figure if guess is None else _with_guess(figure, guess, last_step)


def _lines(
    table: pd.DataFrame, axis: str, step: vl.X, highest: float
) -> list[vl.Chart]:
    """Draw the lines of one axis: losses solid on the left, scores dashed right."""
    is_loss = axis == "loss"
    title = "loss (nats per token)" if is_loss else "score (share of weight)"
    colour = (
        vl.Color("line:N", title=None)
        .scale(domain=list(LINES.values()), range=list(_COLOURS.values()))
        .legend(orient="bottom", columns=2, labelLimit=200)
    )
    if not len(table):
        colour = colour.legend(None)
    chart: vl.Chart = (
        vl.Chart(table[table["axis"] == axis])
        .mark_line(strokeWidth=2.2, strokeDash=[1, 0] if is_loss else [6, 2])
        .encode(
            x=step,
            y=vl.Y("value:Q", title=title)
            .scale(domain=[0, highest])
            .axis(orient="left" if is_loss else "right", grid=is_loss),
            color=colour,
            tooltip=["line:N", "step:Q", vl.Tooltip("value:Q", format=".3f")],
        )
    )
    return [chart]


def _unknowable(loss: float) -> vl.Chart:
    rule: vl.Chart = (
        vl.Chart(
            pd.DataFrame({"loss": [loss], "what": "a word that cannot be predicted"})
        )
        .mark_rule(strokeDash=[2, 4], color=GRAY)
        .encode(y="loss:Q", tooltip=["what:N", vl.Tooltip("loss:Q", format=".3f")])
    )
    return rule


def _dots(
    table: pd.DataFrame, axis: str, halves: Mapping[str, int], step: vl.X
) -> vl.Chart:
    """Mark on the lines of one axis where they were half way."""
    at = {LINES[name]: place for name, place in halves.items()}
    is_half = (table["axis"] == axis) & (table["step"] == table["line"].map(at))
    chart: vl.Chart = (
        vl.Chart(table[is_half])
        .mark_point(filled=True, size=110, opacity=1)
        .encode(x=step, y="value:Q", color="line:N", tooltip=["line:N", "step:Q"])
    )
    return chart


def _with_guess(figure: vl.LayerChart, guess: int, last_step: int) -> vl.LayerChart:
    """Add an upright line, named by an axis on top: axes wear the theme's colours."""
    axis = {
        "orient": "top",
        "values": [guess],
        "labelExpr": f"'your guess: {int(guess)}'",
        "grid": False,
        "ticks": False,
        "domain": False,
        "title": None,
    }
    rule = (
        vl.Chart(pd.DataFrame({"guess": [guess]}))
        .mark_rule(strokeDash=[5, 4], color=GREEN, strokeWidth=2)
        .encode(
            x=vl.X("guess:Q", axis=axis).scale(domain=[0, last_step], nice=False),
            tooltip=["guess:Q"],
        )
    )
    both = vl.LayerChart(layer=[figure, rule], height=figure.height)
    marked: vl.LayerChart = both.resolve_axis(x="independent")
    return marked


def pattern_picture(pattern: Array, *, side: int = 120, dark: bool = False) -> str:
    """Paint one head's pattern as a picture: one hue, as opaque as the weight.

    A weight of 0 is transparent, so that the page shows through. The picture
    is its own address, so a page that draws it anew each second never asks for one that
    is gone.

    Args:
        pattern: Weights as bytes, 255 for 1, [q_pos k_pos].
        side: Least number of pixels along a side.
        dark: Whether the page is dark, which needs a lighter hue.

    Returns:
        A PNG as a `data:` URL.
    """
    scale = max(1, -(-side // len(pattern)))
    opacity = np.kron(np.asarray(pattern, np.uint8), np.ones((scale, scale), np.uint8))
    picture = np.empty((*opacity.shape, 4), np.uint8)
    hue = SKY if dark else BLUE
    picture[..., :3] = [int(hue[place : place + 2], 16) for place in (1, 3, 5)]
    picture[..., 3] = opacity
    png = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(png, "png")
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode('ascii')}"
