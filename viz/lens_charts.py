"""One column of the logit lens close up: a cell's likeliest tokens, and a race of two.

Before: `lens`, the whole grid. Next: `attribution`, which parts decided the race.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.probabilities import probability_text
from viz.theme import BLUE, NEGATIVE, POSITIVE, VERMILLION
from viz.tokens import display_piece

LEAN: Final[dict[str, Any]] = {"titlePadding": 6, "labelPadding": 5}
"""Axes of small charts: labels close to the axis leave more room for the bars."""

NARROW: Final[dict[str, Any]] = {"left": 0, "right": 4, "top": 2, "bottom": 2}


def labelled(pieces: Sequence[str], numbers: Sequence[str]) -> list[str]:
    """Name bars by token and number, all different: two ids may have one text.

    >>> labelled([" cat", " dog", " dog"], ["0.900", "0.050", "0.050"])
    ['·cat 0.900', '·dog 0.050', '·dog (2) 0.050']
    """
    seen: Counter[str] = Counter()
    names = []
    for piece, number in zip(pieces, numbers, strict=True):
        shown = display_piece(piece)
        seen[shown] += 1
        twin = f" ({seen[shown]})" if seen[shown] > 1 else ""
        names.append(f"{shown}{twin} {number}")
    return names


def token_axis(field: str) -> vl.Y:
    """Return the axis of bars that are named by tokens, every name printed."""
    return vl.Y(f"{field}:N", title=None, sort=None).axis(
        labelFont="monospace",
        labelOverlap=False,
        labelBaseline="middle",
        ticks=False,
        domain=False,
        labelLimit=190,
        **LEAN,
    )


def room_for(bars: int) -> int:
    """Return the height in pixels of a chart of bars, one below the other."""
    return 17 * bars + 40


def top_bars(pieces: Sequence[str], probabilities: Array) -> vl.Chart:
    """Draw the likeliest tokens of one cell, on the whole scale from 0 to 1.

    Args:
        pieces: Token texts, likeliest first.
        probabilities: As many.
    """
    numbers = [probability_text(float(p)) for p in probabilities]
    table = pd.DataFrame(
        {
            "token": labelled(pieces, numbers),
            "probability": np.asarray(probabilities, dtype=np.float64),
        }
    )
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_bar(color=BLUE, cornerRadiusEnd=2)
        .encode(
            y=token_axis("token"),
            x=vl.X("probability:Q", title="probability")
            .scale(domain=[0, 1])
            .axis(**LEAN),
            tooltip=["token:N", vl.Tooltip("probability:Q", format=".4f")],
        )
        .properties(height=room_for(len(table)), padding=NARROW)
    )
    return chart


def race_table(points: Sequence[str], first: Array, second: Array) -> pd.DataFrame:
    """Return two tokens' logits at every point: the table behind the race.

    Args:
        points: Names of the places along the stream.
        first: A's logits, one per point.
        second: B's.

    Raises:
        ValueError: If there are not as many logits as points.
    """
    if not len(points) == len(first) == len(second):
        raise ValueError(
            f"{len(points)} points, but {len(first)} and {len(second)} logits."
        )
    one, other = (np.asarray(each, dtype=np.float64) for each in (first, second))
    return pd.DataFrame({"after": points, "A": one, "B": other, "A − B": one - other})


def race_lines(table: pd.DataFrame, first: str, second: str) -> vl.Chart:
    """Draw two tokens' logits along the layers.

    Args:
        table: From `race_table`.
        first: A's text.
        second: B's text.
    """
    names = [f"A {display_piece(first)}", f"B {display_piece(second)}"]
    # The names are values here: as the names of columns they would be read as paths.
    long = pd.DataFrame(
        {
            "after": [*table["after"]] * 2,
            "token": np.repeat(names, len(table)),
            "logit": np.concatenate([table["A"], table["B"]]),
        }
    )
    chart: vl.Chart = (
        vl.Chart(long)
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_along(),
            y=vl.Y("logit:Q", title="logit").axis(tickCount=4, **LEAN),
            color=vl.Color("token:N", title=None)
            .scale(domain=names, range=[BLUE, VERMILLION])
            .legend(orient="top", labelFont="monospace", labelLimit=170, offset=2),
            tooltip=["after:N", "token:N", vl.Tooltip("logit:Q", format=".4f")],
        )
        .properties(height=210, padding=NARROW)
    )
    return chart


def gap_bars(table: pd.DataFrame) -> vl.Chart:
    """Draw A minus B along the layers, on a scale of its own.

    Two logits may rise by ten and lie a tenth apart, which lines cannot show.

    Args:
        table: From `race_table`.
    """
    gaps = table[["after", "A − B"]].rename(columns={"A − B": "gap"})
    ahead = vl.when(vl.datum.gap > 0).then(vl.value(POSITIVE))
    chart: vl.Chart = (
        vl.Chart(gaps)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=_along().scale(paddingInner=0.3),
            y=vl.Y("gap:Q", title="A − B (logit)").axis(tickCount=4, **LEAN),
            color=ahead.otherwise(vl.value(NEGATIVE)),
            tooltip=["after:N", vl.Tooltip("gap:Q", format="+.4f", title="A − B")],
        )
        .properties(height=210, padding=NARROW)
    )
    return chart


def output_distance_table(
    points: Sequence[str], raw: Array, tuned: Array
) -> pd.DataFrame:
    """Return how far two lenses are from the output at every point.

    Args:
        points: Names of the places along the stream.
        raw: The logit lens's distances, one per point.
        tuned: The tuned lens's.
    """
    columns = {"logit lens": raw, "tuned lens": tuned}
    return pd.DataFrame({"after": points, **columns})


def output_distance_lines(table: pd.DataFrame) -> vl.Chart:
    """Draw two lenses' distances from the output along the layers.

    Args:
        table: From `output_distance_table`.
    """
    names = ["logit lens", "tuned lens"]
    chart: vl.Chart = (
        vl.Chart(table.melt("after", names, "lens", "distance"))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_along(),
            y=vl.Y("distance:Q", title="KL to the output (nats)").axis(
                tickCount=4, **LEAN
            ),
            color=vl.Color("lens:N", title=None)
            .scale(domain=names, range=[VERMILLION, BLUE])
            .legend(orient="top", offset=2),
            tooltip=["after:N", "lens:N", vl.Tooltip("distance:Q", format=".4f")],
        )
        .properties(height=250, padding=NARROW)
    )
    return chart


def _along() -> vl.X:
    return vl.X("after:N", sort=None, title=None).axis(
        labelAngle=-90, labelOverlap=True, labelLimit=100, grid=False, **LEAN
    )
