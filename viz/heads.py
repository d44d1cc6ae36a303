"""One head's scores on two texts, each beside what untrained heads score there."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from viz.theme import BLUE, GRAY, ORANGE, printed

HERE, ELSEWHERE = "this prompt", "random tokens, said twice"


@dataclass(frozen=True)
class ScoreOnText:
    """One score of one head on one text."""

    score: str
    """`previous token`."""
    text: str
    """`HERE` or `ELSEWHERE`."""
    value: float
    """From 0 to 1; not-a-number where the text has no such place."""
    low: float
    """Where the band of untrained heads begins …"""
    high: float
    """… and where it ends."""


def score_table(scores: Sequence[ScoreOnText]) -> pd.DataFrame:
    """Return the table behind `two_texts_chart`, a row per score and text."""
    return pd.DataFrame([vars(score) for score in scores])


def two_texts_chart(scores: Sequence[ScoreOnText]) -> alt.LayerChart:
    """Draw each score as two dots, and the untrained bands as grey bars behind them.

    Args:
        scores: Both texts' scores, in the order to show.
    """
    table = score_table(scores)
    order = list(dict.fromkeys(table["score"]))
    rows = alt.Chart(table).encode(
        y=alt.Y("score:N", sort=order, title=None, scale=alt.Scale(paddingInner=0.35)),
        yOffset=alt.YOffset("text:N", sort=[HERE, ELSEWHERE]),
    )
    bands = rows.mark_bar(color=GRAY, opacity=0.3, cornerRadius=2).encode(
        x=alt.X("low:Q", title="mean weight").scale(domain=[0, 1]),
        x2="high:Q",
        tooltip=[
            alt.Tooltip("low:Q", title="untrained from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
        ],
    )
    dots = rows.mark_point(filled=True, size=110, opacity=1).encode(
        x="value:Q",
        color=alt.Color("text:N", title=None, sort=[HERE, ELSEWHERE])
        .scale(domain=[HERE, ELSEWHERE], range=[BLUE, ORANGE])
        .legend(orient="top", labelLimit=260, direction="vertical"),
        shape=alt.Shape("text:N", title=None, sort=[HERE, ELSEWHERE])
        .scale(domain=[HERE, ELSEWHERE], range=["circle", "diamond"])
        .legend(orient="top", labelLimit=260),
        tooltip=["score:N", "text:N", alt.Tooltip("value:Q", format=".3f")],
    )
    numbers = printed(rows, dx=9).encode(
        x="value:Q", text=alt.Text("value:Q", format=".3f")
    )
    chart: alt.LayerChart = (bands + dots + numbers).properties(height=alt.Step(17))
    return chart
