"""Steps against the gradient: their size, and the same step again and again.

Losses are in nats per token.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, CATEGORIES, GRAY, VERMILLION
from viz.tokens import placed_pieces

REAL, SLOPE = "the real loss", "what the slope promises"
LARGEST_LOSS = 1e6
"""Nats; what lies above is drawn there, so that a chart keeps its scale."""


def signed(value: float) -> str:
    """Write a change with its sign.

    >>> signed(-0.25), signed(3)
    ('−0.25', '+3')
    """
    return f"{value:+.4g}".replace("-", "−")


def rate_table(
    rates: Sequence[float], losses: Array, before: float, slope: float
) -> pd.DataFrame:
    """Return the loss after one step of each size: columns rate, loss, line.

    Args:
        rates: Step sizes.
        losses: After a step of each, in nats.
        before: The loss before it.
        slope: By how much the loss changes per unit of step size at first.
    """
    real = np.minimum(np.nan_to_num(losses, nan=np.inf), LARGEST_LOSS)
    straight = before + slope * np.asarray(rates)
    rows = [
        {"rate": rate, "loss": float(loss), "line": line}
        for line, values in ((REAL, real), (SLOPE, straight))
        for rate, loss in zip(rates, values, strict=True)
        # A loss is never below zero, however long the slope is followed.
        if line == REAL or loss >= 0
    ]
    return pd.DataFrame(rows)


def rate_chart(
    rates: Sequence[float],
    losses: Array,
    before: float,
    slope: float,
    chosen: float,
) -> vl.LayerChart:
    """Draw the loss after one step against the size of the step.

    Args:
        rates: See `rate_table`.
        losses: See `rate_table`.
        before: See `rate_table`; it gets a line of its own.
        slope: See `rate_table`.
        chosen: The step size to mark.
    """
    table = rate_table(rates, losses, before, slope)
    top = 2 * before + 1
    x = vl.X("rate:Q", title="step size lr").scale(type="log", nice=False)
    lines = (
        vl.Chart(table)
        .mark_line(strokeWidth=2.4, point={"size": 50}, clip=True)
        .encode(
            x=x.axis(
                format="~g",
                values=list(rates),
                tickCount=len(rates),
                labelOverlap=True,
            ),
            y=vl.Y("loss:Q", title="loss after one step").scale(domain=[0, top]),
            color=vl.Color("line:N", title=None)
            .scale(domain=[REAL, SLOPE], range=[BLUE, VERMILLION])
            .legend(orient="top"),
            tooltip=[
                vl.Tooltip("line:N"),
                vl.Tooltip("rate:Q", format="~g"),
                vl.Tooltip("loss:Q", format=".4f"),
            ],
        )
    )
    rules = [
        vl.Chart(pd.DataFrame({"loss": [before]}))
        .mark_rule(strokeDash=[5, 4], color=GRAY, strokeWidth=1.6)
        .encode(y="loss:Q", tooltip=vl.Tooltip("loss:Q", title="before the step")),
        vl.Chart(pd.DataFrame({"rate": [chosen]}))
        .mark_rule(color=GRAY, strokeWidth=1.6)
        .encode(x="rate:Q", tooltip=vl.Tooltip("rate:Q", title="chosen")),
    ]
    return vl.LayerChart(layer=[*rules, lines], height=300)


def steps_table(losses: Array) -> pd.DataFrame:
    """Return the loss after each step: columns step, loss."""
    numbers = np.minimum(np.nan_to_num(losses, nan=np.inf), LARGEST_LOSS)
    return pd.DataFrame({"step": range(len(numbers)), "loss": numbers})


def steps_chart(losses: Array, taken: int, room: int) -> vl.LayerChart:
    """Draw the loss of the prompt as its step is repeated.

    Args:
        losses: Before the first step and after each, in nats.
        taken: Steps taken: so many are drawn.
        room: Steps that the axis has room for.
    """
    table = steps_table(losses[: taken + 1])
    base = vl.Chart(table).encode(
        x=vl.X("step:Q", title="steps taken")
        .scale(domain=[0, room], nice=False)
        .axis(tickMinStep=1),
        y=vl.Y("loss:Q", title="loss (nats per token)").scale(domainMin=0),
        tooltip=["step:Q", vl.Tooltip("loss:Q", format=".4f")],
    )
    line = base.mark_line(color=BLUE, strokeWidth=2.4)
    points = base.mark_point(color=BLUE, filled=True, size=50)
    return vl.LayerChart(layer=[line, points], height=260)


def probability_rows(pieces: Sequence[str], probabilities: Array) -> pd.DataFrame:
    """Return each next token's probability after each step.

    Args:
        pieces: Token texts; the first is predicted by nothing.
        probabilities: [step label].

    Returns:
        Columns step, token, probability.
    """
    names = placed_pieces(pieces)[1:]
    return pd.DataFrame(
        [
            {"step": step, "token": name, "probability": float(p)}
            for step, row in enumerate(probabilities)
            for name, p in zip(names, row, strict=True)
        ]
    )


def probability_chart(
    pieces: Sequence[str], probabilities: Array, taken: int, room: int
) -> vl.Chart:
    """Draw how the probability of each next token rises as the step is repeated.

    Args:
        pieces: See `probability_rows`.
        probabilities: See `probability_rows`.
        taken: Steps taken: so many are drawn.
        room: Steps that the axis has room for.
    """
    table = probability_rows(pieces, np.asarray(probabilities)[: taken + 1])
    names = placed_pieces(pieces)[1:]
    colours = [CATEGORIES[place % len(CATEGORIES)] for place in range(len(names))]
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_line(strokeWidth=2.2, point={"size": 36})
        .encode(
            x=vl.X("step:Q", title="steps taken")
            .scale(domain=[0, room], nice=False)
            .axis(tickMinStep=1),
            y=vl.Y("probability:Q", title="probability").scale(domain=[0, 1]),
            color=vl.Color("token:N", title="next token", sort=None)
            .scale(domain=names, range=colours)
            .legend(labelFont="monospace"),
            strokeDash=vl.StrokeDash("token:N", sort=None, legend=None),
            tooltip=["token:N", "step:Q", vl.Tooltip("probability:Q", format=".3g")],
        )
        .properties(height=260)
    )
    return chart
