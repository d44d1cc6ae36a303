"""One column of the logit lens close up: a cell's likeliest tokens, and a race of two.

Before: `lens`, the whole grid. Next: `attribution`, which parts decided the race.
"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from viz.attention import Array
from viz.theme import BLUE, NEGATIVE, POSITIVE, VERMILLION
from viz.tokens import display_piece


def ranked_pieces(pieces: Sequence[str]) -> list[str]:
    """Name tokens by text and rank: two ids may have one text.

    >>> ranked_pieces([" cat", " dog"])
    ['·cat  1', '·dog  2']
    """
    return [f"{display_piece(p)}  {rank}" for rank, p in enumerate(pieces, start=1)]


def top_bars(pieces: Sequence[str], probabilities: Array) -> alt.Chart:
    """Draw the likeliest tokens of one cell, on the whole scale from 0 to 1.

    Args:
        pieces: Token texts, likeliest first.
        probabilities: As many.
    """
    table = pd.DataFrame(
        {
            "token": ranked_pieces(pieces),
            "probability": np.asarray(probabilities, dtype=np.float64),
        }
    )
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar(color=BLUE, cornerRadiusEnd=2)
        .encode(
            y=alt.Y("token:N", title=None, sort=None).axis(
                labelFont="monospace", ticks=False, domain=False, labelLimit=140
            ),
            x=alt.X("probability:Q", title="probability").scale(domain=[0, 1]),
            tooltip=["token:N", alt.Tooltip("probability:Q", format=".4f")],
        )
        .properties(height=alt.Step(15))
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


def race_lines(table: pd.DataFrame, first: str, second: str) -> alt.Chart:
    """Draw two tokens' logits along the layers.

    Args:
        table: From `race_table`.
        first: A's text.
        second: B's text.
    """
    names = [f"A {display_piece(first)}", f"B {display_piece(second)}"]
    # The names are values here: as the names of columns they would be read as paths.
    long = table.melt("after", ["A", "B"], "token", "logit")
    long["token"] = long["token"].map(dict(zip("AB", names, strict=True)))
    chart: alt.Chart = (
        alt.Chart(long)
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_along().axis(labels=False, ticks=False),
            y=alt.Y("logit:Q", title="logit").axis(tickCount=4),
            color=alt.Color("token:N", title=None)
            .scale(domain=names, range=[BLUE, VERMILLION])
            .legend(orient="top", labelFont="monospace", labelLimit=170),
            tooltip=["after:N", "token:N", alt.Tooltip("logit:Q", format=".4f")],
        )
        .properties(height=150)
    )
    return chart


def gap_bars(table: pd.DataFrame) -> alt.Chart:
    """Draw A minus B along the layers, on a scale of its own.

    Two logits may rise by ten and lie a tenth apart, which lines cannot show.

    Args:
        table: From `race_table`.
    """
    gaps = table[["after", "A − B"]].rename(columns={"A − B": "gap"})
    ahead = alt.when(alt.datum.gap > 0).then(alt.value(POSITIVE))
    chart: alt.Chart = (
        alt.Chart(gaps)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=_along().axis(labelAngle=-40, labelOverlap=True, labelLimit=100),
            y=alt.Y("gap:Q", title="A − B (logit)").axis(tickCount=3),
            color=ahead.otherwise(alt.value(NEGATIVE)),
            tooltip=["after:N", alt.Tooltip("gap:Q", format="+.4f", title="A − B")],
        )
        .properties(height=170)
    )
    return chart


def _along() -> alt.X:
    return alt.X("after:N", sort=None, title=None).scale(paddingInner=0.3)
