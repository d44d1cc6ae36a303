"""How preferences are learned, and how often a tuned model is right.

The log-probability of an answer is a sum over its tokens, in nats. The margin is how
much more the better answer gained than the worse, times beta.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.effects import AFTER, BEFORE
from viz.theme import BLUE, GRAY, VERMILLION
from viz.tokens import placed_pieces
from viz.training import thin
from viz.vega_lite.lettering import printed

CHOSEN, REJECTED = "chosen", "rejected"
MARGIN, WINS = "margin", "wins"
UNITS: Final = {
    CHOSEN: "ln p(answer), nats",
    REJECTED: "ln p(answer), nats",
    MARGIN: "margin",
    WINS: "pairs won",
}
_SMOOTH = 8
"""Steps that a point of a line is the mean of: one batch has few pairs."""
_POINTS = 300


def preference_table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return what a DPO run measured, one row per record and measure.

    Args:
        records: A run's journal; what has no `margin` is left out.

    Returns:
        Columns step, measure, value, average (over the last steps), source
        ("training" or "held out").
    """
    tables = []
    for kind, source in (("step", "training"), ("evaluation", "held out")):
        measured = [record for record in records if record.get(MARGIN) is not None]
        # A final evaluation on all pairs replaces the quick one of the same step.
        by_step = {r["step"]: r for r in measured if r.get("kind") == kind}
        rows = list(by_step.values())
        for measure in UNITS:
            values = pd.Series([float(r[measure]) for r in rows], dtype=float)
            average = values
            if kind == "step":
                average = values.rolling(_SMOOTH, min_periods=1).mean()
            tables.append(
                pd.DataFrame(
                    {
                        "step": [int(r["step"]) for r in rows],
                        "measure": measure,
                        "value": values,
                        "average": average,
                        "source": source,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def log_prob_lines(table: pd.DataFrame) -> vl.LayerChart:
    """Draw the log-probabilities of the better and the worse answers over the steps.

    Args:
        table: What `preference_table` returned.
    """
    return _lines(table, (CHOSEN, REJECTED), (BLUE, VERMILLION), height=380)


def margin_line(table: pd.DataFrame) -> vl.LayerChart:
    """Draw the margin over the steps. See `log_prob_lines`."""
    return _lines(table, (MARGIN,), (BLUE,), height=170)


def wins_line(table: pd.DataFrame) -> vl.LayerChart:
    """Draw the share of pairs whose better answer gained more. See `log_prob_lines`."""
    return _lines(table, (WINS,), (BLUE,), height=170, domain=(0.0, 1.0))


def _lines(
    table: pd.DataFrame,
    measures: tuple[str, ...],
    colours: tuple[str, ...],
    *,
    height: int,
    domain: tuple[float, float] | None = None,
) -> vl.LayerChart:
    """Draw measures of training as lines, and of held-out pairs as dots."""
    training, held_out = _points(table, measures)
    legend = None if len(measures) == 1 else {"orient": "top", "title": None}
    scale = {"zero": False} if domain is None else {"domain": domain}
    x = vl.X("step:Q", title="step").scale(nice=False)
    colour = vl.Color("measure:N", legend=legend).scale(
        domain=list(measures), range=list(colours)
    )
    exact = vl.Tooltip("value:Q", format=".3f")
    lines = vl.Chart(training).encode(
        x=x,
        color=colour,
        y=vl.Y("average:Q", title=UNITS[measures[0]], scale=scale).axis(
            tickCount=4, format="%" if domain else "~g"
        ),
        tooltip=[
            "measure:N",
            "step:Q",
            exact,
            vl.Tooltip("average:Q", title=f"mean of {_SMOOTH} steps", format=".3f"),
        ],
    )
    dots = vl.Chart(held_out).encode(
        x=x,
        color=colour,
        y=vl.Y("value:Q"),
        tooltip=["source:N", "measure:N", "step:Q", exact],
    )
    points = dots.mark_point(size=60, filled=True, opacity=1)
    return vl.LayerChart(layer=[lines.mark_line(strokeWidth=2), points], height=height)


def _points(
    table: pd.DataFrame, measures: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows of these measures, thinned, and the held-out rows."""
    rows = table[table["measure"].isin(measures)]
    training = [
        thin(line, "average", _POINTS)
        for _, line in rows[rows["source"] == "training"].groupby("measure")
    ]
    thinned = pd.concat(training) if training else rows.head(0)
    return thinned, rows[rows["source"] == "held out"]


def right_answers_table(
    rows: Sequence[tuple[str, Mapping[str, float | None]]],
) -> pd.DataFrame:
    """Return one row per kind of question and answerer: the table behind the bars.

    Args:
        rows: The kind of question, and shares 0–1 by who answers; None: not asked.
    """
    return pd.DataFrame(
        {"kind": kind, "who": who, "share": share, "text": f"{share:.0%}"}
        for kind, shares in rows
        for who, share in shares.items()
        if share is not None
    )


def right_answers_bars(table: pd.DataFrame, order: Sequence[str]) -> vl.LayerChart:
    """Draw how many answers were right, by kind: the tuned model's bar is full.

    Args:
        table: What `right_answers_table` returned.
        order: Who answers, in the order of the bars; the last is the tuned model.
    """
    names = [name for name in order if (table["who"] == name).any()]
    others = [GRAY] * (len(names) - 1)
    rows = vl.Chart(table).encode(
        y=vl.Y("kind:N", title=None).axis(ticks=False, domain=False),
        yOffset=vl.YOffset("who:N", sort=names),
        x=vl.X("share:Q", title="answers right, word for word")
        .scale(domain=[0, 1.12])
        .axis(format="%", values=[0, 0.5, 1]),
        tooltip=["kind:N", "who:N", vl.Tooltip("share:Q", format=".0%")],
    )
    opacity = np.linspace(0.35, 0.75, max(1, len(others)))
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=vl.Color("who:N", title=None, sort=names)
        .scale(domain=names, range=[*others, BLUE])
        .legend(orient="top", columns=1, labelLimit=300),
        opacity=vl.Opacity("who:N", legend=None).scale(
            domain=names, range=[*opacity[: len(others)].tolist(), 1.0]
        ),
    )
    numbers = printed(rows, dx=4).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 15})
    return chart


def reads_table(
    pieces: Sequence[str], before: Array, after: Array, shown: int = 8
) -> pd.DataFrame:
    """Return what a query reads most, before and after: the table behind the bars.

    Args:
        pieces: What can be read, one text per key.
        before: Weights 0–1, [k_pos].
        after: Weights 0–1, [k_pos].
        shown: How many keys: those read most in either.

    Returns:
        Columns piece, stage, weight, text; in the order of the text.

    Raises:
        ValueError: If the lengths differ.
    """
    if not len(pieces) == len(before) == len(after):
        raise ValueError(
            f"{len(pieces)} pieces, {len(before)} weights before and {len(after)} "
            "after: there must be as many of each."
        )
    names = placed_pieces(pieces)
    most = np.argsort(-np.maximum(before, after), kind="stable")[:shown]
    return pd.DataFrame(
        {
            "piece": names[key],
            "stage": stage,
            "weight": float(weights[key]),
            "text": f"{weights[key]:.2f}",
        }
        for key in sorted(most.tolist())
        for stage, weights in ((BEFORE, before), (AFTER, after))
    )


def reads_bars(table: pd.DataFrame) -> vl.LayerChart:
    """Draw what a query reads most, before the tuning faint and after it full.

    Args:
        table: What `reads_table` returned.
    """
    rows = vl.Chart(table).encode(
        y=vl.Y("piece:N", title=None, sort=None).axis(
            labelFont="monospace", labelLimit=160, ticks=False, domain=False
        ),
        yOffset=vl.YOffset("stage:N", sort=[BEFORE, AFTER]),
        x=vl.X("weight:Q", title="attention weight").scale(domain=[0, 1.08]),
        tooltip=[
            vl.Tooltip("piece:N", title="reads"),
            "stage:N",
            vl.Tooltip("weight:Q", format=".3f"),
        ],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=vl.Color("stage:N", title=None, sort=[BEFORE, AFTER])
        .scale(domain=[BEFORE, AFTER], range=[GRAY, BLUE])
        .legend(orient="top"),
        opacity=vl.when(vl.datum.stage == BEFORE)
        .then(vl.value(0.55))
        .otherwise(vl.value(1.0)),
    )
    numbers = printed(rows, dx=4).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 12})
    return chart
