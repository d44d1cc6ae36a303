"""What one head does, as scores beside those of untrained heads."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, GRAY, ORANGE
from viz.vega_lite.lettering import printed

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


def two_texts_chart(scores: Sequence[ScoreOnText]) -> vl.LayerChart:
    """Draw each score as two dots, and the untrained bands as grey bars behind them.

    Args:
        scores: Both texts' scores, in the order to show.
    """
    table = score_table(scores)
    order = list(dict.fromkeys(table["score"]))
    rows = vl.Chart(table).encode(
        y=vl.Y("score:N", sort=order, title=None).scale(paddingInner=0.35),
        yOffset=vl.YOffset("text:N", sort=[HERE, ELSEWHERE]),
    )
    bands = rows.mark_bar(color=GRAY, opacity=0.3, cornerRadius=2).encode(
        x=vl.X("low:Q", title="mean weight").scale(domain=[0, 1]),
        x2="high:Q",
        tooltip=[
            vl.Tooltip("low:Q", title="untrained from", format=".3f"),
            vl.Tooltip("high:Q", title="to", format=".3f"),
        ],
    )
    dots = rows.mark_point(filled=True, size=110, opacity=1).encode(
        x="value:Q",
        color=vl.Color("text:N", title=None, sort=[HERE, ELSEWHERE])
        .scale(domain=[HERE, ELSEWHERE], range=[BLUE, ORANGE])
        .legend(orient="top", labelLimit=260, direction="vertical"),
        shape=vl.Shape("text:N", title=None, sort=[HERE, ELSEWHERE])
        .scale(domain=[HERE, ELSEWHERE], range=["circle", "diamond"])
        .legend(orient="top", labelLimit=260),
        tooltip=["score:N", "text:N", vl.Tooltip("value:Q", format=".3f")],
    )
    numbers = printed(rows, dx=9).encode(
        x="value:Q", text=vl.Text("value:Q", format=".3f")
    )
    chart: vl.LayerChart = (bands + dots + numbers).properties(height={"step": 17})
    return chart


@dataclass(frozen=True)
class HabitBar:
    """One habit of one head."""

    habit: str
    """What the head would read: `the last space`."""
    value: float
    """Mean weight on held-out text, from 0 to 1."""
    low: float
    """Where its 95% interval begins …"""
    high: float
    """… and where it ends."""
    untrained_low: float
    """Where the band of untrained heads begins; not-a-number: not compared yet …"""
    untrained_high: float
    """… and where it ends."""
    here: float
    """The same on the prompt; not-a-number where it has no such place."""
    queries: int
    """How many held-out queries the mean is over."""


def habit_table(bars: Sequence[HabitBar]) -> pd.DataFrame:
    """Return the table behind `habits_chart`, a row per habit."""
    return pd.DataFrame([vars(bar) for bar in bars])


def habits_chart(bars: Sequence[HabitBar]) -> vl.LayerChart:
    """Draw each habit's weight with its interval, the untrained band behind it.

    Args:
        bars: In the order to show.
    """
    table = habit_table(bars)
    rows = vl.Chart(table).encode(
        y=vl.Y(
            "habit:N",
            sort=list(table["habit"]),
            title=None,
            axis={"labelLimit": 260, "labelOverlap": False},
        ),
        tooltip=[
            vl.Tooltip("habit:N"),
            vl.Tooltip("value:Q", title="weight", format=".3f"),
            vl.Tooltip("low:Q", title="95% interval from", format=".3f"),
            vl.Tooltip("high:Q", title="to", format=".3f"),
            vl.Tooltip("untrained_low:Q", title="untrained from", format=".3f"),
            vl.Tooltip("untrained_high:Q", title="to", format=".3f"),
            vl.Tooltip("here:Q", title="on this prompt", format=".3f"),
            vl.Tooltip("queries:Q", title="held-out queries", format=","),
        ],
    )
    weight = vl.X("value:Q", title="mean weight").scale(domain=[0, 1])
    values = rows.mark_bar(color=BLUE, height=9, cornerRadiusEnd=2).encode(x=weight)
    bands = rows.mark_bar(color=GRAY, opacity=0.45, height=17).encode(
        x="untrained_low:Q", x2="untrained_high:Q"
    )
    spans = rows.mark_rule(strokeWidth=2, color=GRAY).encode(x="low:Q", x2="high:Q")
    here = rows.mark_point(
        shape="diamond", filled=True, size=70, color=ORANGE, opacity=1
    ).encode(x="here:Q")
    numbers = printed(rows, dx=9).encode(
        x="high:Q", text=vl.Text("value:Q", format=".3f")
    )
    chart: vl.LayerChart = (bands + values + spans + here + numbers).properties(
        height={"step": 19}
    )
    return chart
