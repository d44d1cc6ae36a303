"""Two models side by side: what each expected at a place, and how far weights moved."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.probabilities import probability_text
from viz.theme import BLUE, GRAY
from viz.tokens import placed_pieces

SHOWN = 16
"""Bars in a figure of tensors: the largest."""


def loss_table(pieces: Sequence[str], before: Array, after: Array) -> pd.DataFrame:
    """Return each piece's loss in both models: the table behind the tinted text.

    Args:
        pieces: Texts that follow each other.
        before: Nats per piece, [piece]; not-a-number where nothing predicts it.
        after: The same of the other model.

    Raises:
        ValueError: If the lengths differ.
    """
    if not len(pieces) == len(before) == len(after):
        raise ValueError(
            f"{len(pieces)} pieces, {len(before)} losses before and {len(after)} after."
        )
    table = pd.DataFrame(
        {
            "piece": placed_pieces(pieces),
            "before (nats)": before,
            "after (nats)": after,
        }
    )
    table["change (nats)"] = table["after (nats)"] - table["before (nats)"]
    return table


def expected_table(
    pieces: Sequence[str], probabilities: Sequence[float], came: int | None
) -> pd.DataFrame:
    """Return one row per likely token: the table behind the bars.

    Args:
        pieces: Token texts, likeliest first.
        probabilities: 0–1, as many.
        came: Which of them really came next; None if none did.

    Returns:
        Columns piece, probability, label (both in one), came.

    Raises:
        ValueError: If the lengths differ or a probability lies outside 0–1.
    """
    if len(pieces) != len(probabilities):
        raise ValueError(
            f"{len(pieces)} pieces but {len(probabilities)} probabilities."
        )
    names = placed_pieces(pieces)
    return pd.DataFrame(
        {
            "piece": names,
            "probability": [float(value) for value in probabilities],
            "label": [
                f"{piece}  {probability_text(value)}"
                for piece, value in zip(names, probabilities, strict=True)
            ],
            "came": [place == came for place in range(len(pieces))],
        }
    )


def expected_bars(
    pieces: Sequence[str], probabilities: Sequence[float], came: int | None
) -> vl.Chart:
    """Draw what a model expected at a place, on the whole scale from 0 to 1.

    Args:
        pieces: See `expected_table`.
        probabilities: See `expected_table`.
        came: See `expected_table`; its bar is blue, the others are gray.

    Raises:
        ValueError: See `expected_table`.
    """
    chart: vl.Chart = (
        vl.Chart(expected_table(pieces, probabilities, came))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=vl.Y("label:N", title=None, sort=None).axis(
                labelFont="monospace",
                labelLimit=220,
                labelOverlap=False,
                ticks=False,
                domain=False,
            ),
            x=vl.X("probability:Q", axis=None).scale(domain=[0, 1]),
            color=vl.Color("came:N", legend=None).scale(
                domain=[True, False], range=[BLUE, GRAY]
            ),
            tooltip=["piece:N", vl.Tooltip("probability:Q", format=".3g")],
        )
        .properties(height={"step": 22})
    )
    return chart


def tensor_table(names: Sequence[str], values: Array, column: str) -> pd.DataFrame:
    """Return one row per tensor: the table behind `tensor_bars`.

    Args:
        names: Parameters' names.
        values: [tensor]; at least 0, or not-a-number.
        column: What the values are, with their unit.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(names) != len(values):
        raise ValueError(f"{len(names)} names but {len(values)} values.")
    return pd.DataFrame({"tensor": list(names), column: np.asarray(values, float)})


def tensor_bars(names: Sequence[str], values: Array, column: str) -> vl.Chart:
    """Draw one bar per tensor, the largest first, and at most 16.

    Args:
        names: See `tensor_table`.
        values: See `tensor_table`; not-a-number is left out.
        column: See `tensor_table`: the axis's title.

    Raises:
        ValueError: See `tensor_table`.
    """
    table = tensor_table(names, values, column).dropna()
    chart: vl.Chart = (
        vl.Chart(table.nlargest(SHOWN, column))
        .mark_bar(cornerRadiusEnd=2, color=BLUE)
        .encode(
            y=vl.Y("tensor:N", title=None, sort=None).axis(
                labelFont="monospace",
                labelOverlap=False,
                labelLimit=260,
                ticks=False,
                domain=False,
            ),
            x=vl.X(column, type="quantitative"),
            tooltip=[
                "tensor:N",
                vl.Tooltip(column, type="quantitative", format=".4g"),
            ],
        )
        .properties(height={"step": 20})
    )
    return chart
