"""Two trainings over one clock: losses against seconds."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, VERMILLION
from viz.training import LOSS_TITLE, baseline_layer, thin

COLOURS: Final = (BLUE, VERMILLION)
"""Of the first and the second racer."""

_POINTS: Final = 200


class Track(NamedTuple):
    """The losses of one racer."""

    name: str
    seconds: Array
    losses: Array
    """Of the training text, smoothed, in nats per token."""
    looks: Sequence[tuple[float, float]]
    """Seconds, and losses of held-out text."""


def race_table(tracks: Sequence[Track]) -> pd.DataFrame:
    """Return the figure's points: columns seconds, loss, racer, what."""
    parts = []
    for track in tracks:
        line = pd.DataFrame({"seconds": track.seconds, "loss": track.losses})
        looks = pd.DataFrame(list(track.looks), columns=["seconds", "loss"])
        for what, points in (("training", line), ("held out", looks)):
            points = points.astype(float)
            points = points[np.isfinite(points["loss"])]
            kept = thin(points, "loss", _POINTS) if len(points) else points
            parts.append(kept.assign(racer=track.name, what=what))
    return pd.concat(parts, ignore_index=True)


def race_curve(
    tracks: Sequence[Track],
    baselines: Mapping[str, float] | None = None,
    *,
    height: int = 330,
) -> vl.LayerChart:
    """Draw each racer's losses over the seconds that it has trained.

    Args:
        tracks: The racers.
        baselines: Losses to beat by name, in nats per token.
        height: In pixels.
    """
    table = race_table(tracks)
    colour = (
        vl.Color("racer:N", title=None)
        .scale(domain=[track.name for track in tracks], range=list(COLOURS))
        .legend(orient="top", labelLimit=300)
    )
    chart = vl.Chart(table).encode(
        x=vl.X("seconds:Q", title="seconds of training").scale(nice=False, zero=True),
        y=vl.Y("loss:Q", title=LOSS_TITLE).scale(zero=False),
        color=colour,
        tooltip=[
            vl.Tooltip("racer:N"),
            vl.Tooltip("what:N"),
            vl.Tooltip("seconds:Q", format=".1f"),
            vl.Tooltip("loss:Q", format=".4f"),
        ],
    )
    lines = vl.LayerChart(
        layer=[
            chart.transform_filter(vl.datum.what == "training").mark_line(
                strokeWidth=2.4
            ),
            chart.transform_filter(vl.datum.what == "held out").mark_point(
                filled=True, size=46, opacity=1
            ),
        ],
        height=height,
    )
    if not baselines:
        return lines
    both = vl.LayerChart(layer=[lines, baseline_layer(baselines)], height=height)
    figure: vl.LayerChart = both.resolve_axis(y="independent")
    return figure
