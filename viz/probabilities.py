"""The next token's distribution, before and after the filters."""

from collections.abc import Sequence

import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, SKY
from viz.tokens import placed_pieces

MODEL, FILTERED = "model", "after filtering"


def probability_text(probability: float) -> str:
    """Write a probability with three digits, or say that it is smaller.

    >>> probability_text(0.4567), probability_text(0.0002), probability_text(0)
    ('0.457', '<0.001', '0')

    Raises:
        ValueError: If it lies outside 0–1.
    """
    # A softmax in half precision can end a hair above one.
    if not -1e-3 <= probability <= 1 + 1e-3:
        raise ValueError(f"A probability lies in 0–1, but one is {probability:.4g}.")
    if probability <= 0:
        return "0"
    return f"{probability:.3f}" if probability >= 0.001 else "<0.001"


def next_token_table(
    pieces: Sequence[str], raw: Sequence[float], filtered: Sequence[float]
) -> pd.DataFrame:
    """Return one row per candidate and stage: the table behind the bars.

    Args:
        pieces: Token texts, in the order to show.
        raw: The model's probabilities, 0–1.
        filtered: Probabilities after temperature and filters, 0–1.

    Returns:
        Columns rank, piece, stage, probability.

    Raises:
        ValueError: If the lengths differ or a probability lies outside 0–1.
    """
    for name, values in (("raw", raw), ("filtered", filtered)):
        if len(values) != len(pieces):
            raise ValueError(
                f"{len(pieces)} pieces but {len(values)} {name} probabilities."
            )
        for probability in values:
            probability_text(probability)
    names = placed_pieces(pieces)
    return pd.DataFrame(
        {
            "rank": list(range(len(pieces))) * 2,
            "piece": names * 2,
            "stage": [MODEL] * len(pieces) + [FILTERED] * len(pieces),
            "probability": [float(value) for value in (*raw, *filtered)],
        }
    )


def next_token_bars(
    pieces: Sequence[str], raw: Sequence[float], filtered: Sequence[float]
) -> vl.Chart:
    """Draw each candidate's probability, from the model and after filtering.

    Two candidates of equal text stay apart: names begin with their rank.

    Args:
        pieces: See `next_token_table`.
        raw: See `next_token_table`.
        filtered: See `next_token_table`.

    Raises:
        ValueError: See `next_token_table`.
    """
    table = next_token_table(pieces, raw, filtered)
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=vl.Y("piece:N", title="token", sort=None).axis(
                labelFont="monospace", ticks=False, domain=False
            ),
            yOffset=vl.YOffset("stage:N", sort=[MODEL, FILTERED]),
            x=vl.X("probability:Q", title="probability").scale(domainMin=0),
            color=vl.Color("stage:N", title=None, sort=[MODEL, FILTERED])
            .scale(domain=[MODEL, FILTERED], range=[SKY, BLUE])
            .legend(orient="top"),
            tooltip=[
                vl.Tooltip("piece:N", title="token"),
                "stage:N",
                vl.Tooltip("probability:Q", format=".3g"),
            ],
        )
        .properties(height={"step": 13})
    )
    return chart
