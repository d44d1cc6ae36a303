"""What a change inside the model did to its next word: two bars per token."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from viz.attention import Array
from viz.probabilities import probability_text
from viz.theme import BLUE, GRAY
from viz.tokens import placed_pieces

BEFORE, AFTER = "before", "after"
SHOWN = 10
"""Tokens in the figure: the likeliest before and the likeliest after."""


def before_after_table(
    pieces: Sequence[str], before: Array, after: Array, shown: int = SHOWN
) -> pd.DataFrame:
    """Return one row per token and stage: the table behind the bars.

    Tokens are those likeliest in either of the two, in the order of `before`.

    Args:
        pieces: The vocabulary's texts, one per id.
        before: Probabilities 0–1, [vocab].
        after: Probabilities 0–1, [vocab].
        shown: How many tokens.

    Returns:
        Columns token (its id), piece, stage, probability, text.

    Raises:
        ValueError: If the lengths differ or a probability lies outside 0–1.
    """
    if not len(pieces) == len(before) == len(after):
        raise ValueError(
            f"{len(pieces)} pieces, {len(before)} probabilities before and "
            f"{len(after)} after: there must be as many of each."
        )
    likely = np.maximum(before, after).astype(np.float64)
    likeliest = np.argsort(-likely, kind="stable")[:shown]
    chosen = sorted(likeliest, key=lambda token: -float(before[token]))
    names = placed_pieces([pieces[token] for token in chosen])
    return pd.DataFrame(
        {
            "token": int(token),
            "piece": name,
            "stage": stage,
            "probability": float(values[token]),
            "text": probability_text(float(values[token])),
        }
        for token, name in zip(chosen, names, strict=True)
        for stage, values in ((BEFORE, before), (AFTER, after))
    )


def before_after_bars(
    pieces: Sequence[str], before: Array, after: Array, shown: int = SHOWN
) -> alt.LayerChart:
    """Draw the likeliest next tokens, before faint and after full.

    Args:
        pieces: See `before_after_table`.
        before: See `before_after_table`.
        after: See `before_after_table`.
        shown: See `before_after_table`.

    Raises:
        ValueError: See `before_after_table`.
    """
    table = before_after_table(pieces, before, after, shown)
    rows = alt.Chart(table).encode(
        y=alt.Y("piece:N", title=None, sort=None).axis(
            labelFont="monospace", ticks=False, domain=False
        ),
        yOffset=alt.YOffset("stage:N", sort=[BEFORE, AFTER]),
        x=alt.X("probability:Q", title="probability of the next token").scale(
            domain=[0, 1]
        ),
        tooltip=[
            alt.Tooltip("piece:N", title="token"),
            "stage:N",
            alt.Tooltip("probability:Q", format=".3g"),
        ],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color("stage:N", title=None, sort=[BEFORE, AFTER])
        .scale(domain=[BEFORE, AFTER], range=[GRAY, BLUE])
        .legend(orient="top"),
        opacity=alt.condition(
            alt.datum.stage == BEFORE, alt.value(0.55), alt.value(1.0)
        ),
    )
    numbers = rows.mark_text(align="left", dx=4).encode(text="text:N")
    chart: alt.LayerChart = (bars + numbers).properties(height=alt.Step(13))
    return chart
