"""How an intervention changes the next token's distribution: two bars per token."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.probabilities import probability_text
from viz.theme import BLUE, GRAY
from viz.tokens import display_piece, placed_pieces
from viz.vega_lite.lettering import printed

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
) -> vl.LayerChart:
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
    rows = vl.Chart(table).encode(
        y=vl.Y("piece:N", title=None, sort=None).axis(
            labelFont="monospace", ticks=False, domain=False
        ),
        yOffset=vl.YOffset("stage:N", sort=[BEFORE, AFTER]),
        x=vl.X("probability:Q", title="next-token probability").scale(domain=[0, 1]),
        tooltip=[
            vl.Tooltip("piece:N", title="token"),
            "stage:N",
            vl.Tooltip("probability:Q", format=".3g"),
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
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 13})
    return chart


class ChangeGrid(NamedTuple):
    """What `viz.components.value_grid.view` takes, for numbers that changed."""

    values: npt.NDArray[np.float64]
    """After − before, [row col]; not-a-number where either is."""
    texts: list[list[str]]
    sentences: list[list[str]]


def change_grid(
    names: Sequence[Sequence[str]], before: Array, after: Array, unit: str
) -> ChangeGrid:
    """Show each number before and after, and its change.

    >>> change_grid([["L1H0"]], np.array([[0.96]]), np.array([[0.03]]), "score").texts
    [['.96→.03']]

    Args:
        names: What each cell is, [row col].
        before: Numbers 0–1, [row col].
        after: Numbers 0–1, [row col].
        unit: What they are.

    Raises:
        ValueError: If the shapes differ.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"Numbers before are {list(before.shape)} and after {list(after.shape)}: "
            "one number became one other."
        )
    texts, sentences = [], []
    for row, olds, news in zip(names, before.tolist(), after.tolist(), strict=True):
        pairs = list(zip(row, olds, news, strict=True))
        texts.append([f"{_brief(old)}→{_brief(new)}" for _, old, new in pairs])
        sentences.append(
            [f"{name}: {unit} {old:.3f} → {new:.3f}" for name, old, new in pairs]
        )
    return ChangeGrid(np.subtract(after, before, dtype=np.float64), texts, sentences)


def paired_pieces(clean: Sequence[str], corrupted: Sequence[str]) -> list[str]:
    """Name positions by place and piece; by both pieces where two prompts differ.

    >>> paired_pieces(["a", " girl"], ["a", " boy"])
    ['0 a', '1 ·girl|·boy']

    Raises:
        ValueError: If there are not as many of each.
    """
    return [
        f"{place} {display_piece(one)}"
        + ("" if one == other else f"|{display_piece(other)}")
        for place, (one, other) in enumerate(zip(clean, corrupted, strict=True))
    ]


def looking_and_causing(
    names: Sequence[str], weights: Sequence[float], costs: Sequence[float]
) -> vl.LayerChart:
    """Plot each head's attention weight against the loss that ablating it costs.

    Only the outermost heads are labelled; the others show their names on hover.

    Args:
        names: Of the heads, `L0H1`.
        weights: Mean weight on the previous token, 0–1.
        costs: Rise of the loss when it is ablated, in nats per token.

    Raises:
        ValueError: If the lengths differ.
    """
    rows = [
        {"head": name, "weight": weight, "cost": cost}
        for name, weight, cost in zip(names, weights, costs, strict=True)
    ]
    heads = vl.Chart(pd.DataFrame(rows)).encode(
        x=vl.X("weight:Q", title="attention weight on the previous token").scale(
            domain=[0, 1]
        ),
        y=vl.Y("cost:Q", title="rise of the loss when ablated (nats)"),
        tooltip=[
            vl.Tooltip("head:N"),
            vl.Tooltip("weight:Q", format=".3f"),
            vl.Tooltip("cost:Q", format=".3f"),
        ],
    )
    points = heads.mark_circle(size=90, color=BLUE, opacity=0.8)
    outermost = {
        place
        for values in (weights, costs)
        for place in sorted(range(len(names)), key=lambda place: -values[place])[:2]
    }
    named = heads.transform_filter(
        {"field": "head", "oneOf": [names[place] for place in outermost]}
    )
    labels = printed(named, dx=8).encode(text="head:N")
    chart: vl.LayerChart = (points + labels).properties(height=260)
    return chart


def _brief(number: float) -> str:
    return "–" if np.isnan(number) else f"{number:.2f}".replace("0.", ".", 1)
