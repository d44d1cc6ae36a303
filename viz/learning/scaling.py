"""Models of several sizes on logarithmic axes: loss over weights, loss over tokens."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, CATEGORIES, GRAY, VERMILLION
from viz.training import LOSS_TITLE, thin

TRAINED, LINE, GUESS = "trained", "the line's guess", "your guess"
_COLOURS: Final = {TRAINED: BLUE, LINE: GRAY, GUESS: VERMILLION}
_POINTS: Final = 120
_TICKS: Final = 5


class SizePoint(NamedTuple):
    """A model, trained or only predicted."""

    weights: float
    loss: float
    """In nats per token."""
    what: str
    """`TRAINED`, `LINE` or `GUESS`."""


def scaling_chart(
    points: Sequence[SizePoint],
    line: Sequence[tuple[float, float]],
    room: tuple[float, float] | None = None,
    *,
    height: int = 320,
) -> vl.LayerChart:
    """Draw losses over weights, both on logarithmic axes.

    Args:
        points: What was trained, and what is predicted.
        line: Weights and losses of the ends of the fitted line; empty: none yet.
        room: Weights and a loss that the axes must reach, though nothing is there yet.
        height: In pixels.
    """
    table = pd.DataFrame(points, columns=["weights", "loss", "what"])
    ends = pd.DataFrame(list(line), columns=["weights", "loss"])
    reach = [point[:2] for point in points] + list(line) + ([room] if room else [])
    weights, losses = (np.array(axis, float) for axis in zip(*reach, strict=True))
    x = _log_axis("weights:Q", "weights", weights, ".2~s")
    y = _log_axis("loss:Q", LOSS_TITLE, losses, ".2f")
    tooltip = [
        vl.Tooltip("what:N", title="loss"),
        vl.Tooltip("weights:Q", format=","),
        vl.Tooltip("loss:Q", format=".4f"),
    ]
    colour = (
        vl.Color("what:N", title=None)
        .scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
        .legend(orient="top", labelLimit=300)
    )
    marks = (
        vl.Chart(table)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=x,
            y=y,
            color=colour,
            tooltip=tooltip,
            shape=vl.Shape("what:N", title=None).scale(
                domain=list(_COLOURS), range=["circle", "diamond", "cross"]
            ),
        )
    )
    fitted = vl.Chart(ends).mark_line(strokeDash=[6, 4], color=GRAY).encode(x=x, y=y)
    return vl.LayerChart(layer=[fitted, marks], height=height)


class SizeTrack(NamedTuple):
    """How the loss of one size fell."""

    name: str
    tokens: Array
    losses: Array
    """Of the training text, smoothed, in nats per token."""


def tokens_table(tracks: Sequence[SizeTrack]) -> pd.DataFrame:
    """Return the curves' points, thinned: columns tokens, loss, size."""
    parts = []
    for track in tracks:
        points = pd.DataFrame({"tokens": track.tokens, "loss": track.losses})
        points = points[np.isfinite(points["loss"].astype(float))]
        parts.append(thin(points, "loss", _POINTS, log_x=True).assign(size=track.name))
    return pd.concat(parts, ignore_index=True)


def tokens_chart(tracks: Sequence[SizeTrack], *, height: int = 320) -> vl.LayerChart:
    """Draw each size's loss over the tokens it has read, both axes logarithmic.

    Args:
        tracks: The sizes that have taken a step, smallest first.
        height: In pixels.
    """
    table = tokens_table(tracks)
    chart = (
        vl.Chart(table)
        .mark_line(strokeWidth=2)
        .encode(
            x=_log_axis("tokens:Q", "tokens read", table["tokens"].to_numpy(), ".2~s"),
            y=_log_axis("loss:Q", LOSS_TITLE, table["loss"].to_numpy(), ".2f"),
            color=vl.Color("size:N", title="weights")
            .scale(domain=[track.name for track in tracks], range=list(CATEGORIES))
            .legend(orient="top", labelLimit=300),
            tooltip=[
                vl.Tooltip("size:N", title="weights"),
                vl.Tooltip("tokens:Q", format=","),
                vl.Tooltip("loss:Q", format=".4f"),
            ],
        )
    )
    return vl.LayerChart(layer=[chart], height=height)


def _log_axis(field: str, title: str, values: Array, form: str) -> vl.X | vl.Y:
    """Return an axis whose ticks are at equal factors, however few decades it spans."""
    low, high = float(values.min()) / 1.15, float(values.max()) * 1.15
    ticks = np.geomspace(values.min(), values.max(), _TICKS).tolist()
    kind = vl.Y if field.startswith("loss") else vl.X
    axis = {"values": sorted(set(ticks)), "format": form, "labelOverlap": True}
    return kind(field, title=title, axis=axis).scale(
        type="log", domain=[low, high], nice=False
    )
