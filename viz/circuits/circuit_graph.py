"""A circuit as a graph: parts at tokens, and lines for what one reads of another.

Tokens go across and layers down, from the embeddings to the answer. A line's letter
says which of a head's three readings it is: its query, its key or its value.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pandas as pd

from viz import vega_lite as vl
from viz.circuits.node_layout import GraphNode, columns_of, places_of
from viz.lens_charts import NARROW
from viz.theme import NEGATIVE, POSITIVE, VIOLET
from viz.tokens import placed_pieces
from viz.vega_lite.lettering import printed

PICKED = "picked_node"
"""Name of the graph's selection: rows {"part": 3, "position": 16}."""

LETTERS: Final = {"value": "V", "key": "K", "query": "Q"}

BENDS = 8
"""Straight pieces of a bent line."""

STEP, LEAST = 56, 380
"""Pixels from one row of nodes to the next, and of all rows."""


@dataclass(frozen=True)
class GraphLine:
    """What one node reads of another."""

    source: int
    """Place in the nodes."""
    target: int
    through: str
    """`value`, `key`, `query` or `input`."""
    share: float
    """Logits of the difference that go this way."""


def line_table(
    nodes: Sequence[GraphNode], lines: Sequence[GraphLine], pieces: Sequence[str]
) -> pd.DataFrame:
    """Return a row per line: the table behind the graph."""
    names = _names(nodes, pieces)
    rows = [
        (line.share, names[line.source], names[line.target], line.through)
        for line in lines
    ]
    return pd.DataFrame(rows, columns=["logits", "from", "to", "through its"])


def circuit_graph(
    nodes: Sequence[GraphNode],
    lines: Sequence[GraphLine],
    rows: Sequence[str],
    pieces: Sequence[str],
    chosen: int | None,
) -> vl.LayerChart:
    """Draw a circuit; a click picks a node.

    Args:
        nodes: The last is the answer.
        lines: What to draw between them.
        rows: Names of the rows, from the embeddings down to the answer.
        pieces: Of all tokens of the prompt.
        chosen: Place of the node to frame; its lines are drawn in full.
    """
    columns = columns_of(nodes)
    places = places_of(nodes, columns)
    width = sum(size for _, size in columns.values())
    titles = [placed_pieces(pieces)[position] for position in columns]
    middles = [round(begin + size / 2, 3) for begin, size in columns.values()]
    across = _token_axis(titles, middles, width)
    down = (
        vl.Y("y:Q", title=None)
        .scale(domain=[len(rows) - 0.4, -0.6], nice=False)
        .axis(
            values=list(range(len(rows))),
            tickCount=len(rows),  # or Vega thins them out
            labelExpr=_looked_up(rows, list(range(len(rows)))),
            grid=True,
        )
    )
    drawn = _nodes(nodes, places, pieces, chosen, (across, down))
    if lines:
        found = _lines(nodes, lines, places, pieces, chosen)
        drawn = [*_strokes(*found, across, down), *drawn]
    height = max(STEP * len(rows) + 60, LEAST)
    return vl.LayerChart(layer=drawn, height=height, padding=NARROW)


def _token_axis(titles: Sequence[str], middles: Sequence[float], width: float) -> vl.X:
    """Return the horizontal axis: every column of tokens by its name."""
    return (
        vl.X("x:Q", title="token")
        .scale(domain=[0, width], nice=False)
        .axis(
            values=list(middles),
            tickCount=len(middles),
            labelExpr=_looked_up(titles, middles),
            labelAngle=-30,
            labelOverlap=False,
            grid=False,
            orient="top",
        )
    )


def _lines(
    nodes: Sequence[GraphNode],
    lines: Sequence[GraphLine],
    places: Sequence[tuple[float, float]],
    pieces: Sequence[str],
    chosen: int | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pieces of all lines, and a letter for each that has one.

    A line that passes other nodes of its column bends around them.
    """
    names = _names(nodes, pieces)
    strokes, letters = [], []
    for number, line in enumerate(lines):
        begin, end = places[line.source], places[line.target]
        told = {
            "edge": f"{names[line.source]} → {names[line.target]}",
            "through": line.through,
            "share": line.share,
            "size": abs(line.share),
            "own": chosen is None or chosen in (line.source, line.target),
        }
        bend = _bend(begin, end, number)
        points = [_along(begin, end, bend, n / BENDS) for n in range(BENDS + 1)]
        for one, two in pairwise(points):
            ends = {"x": one[0], "y": one[1], "x2": two[0], "y2": two[1]}
            strokes.append(ends | told)
        if line.through in LETTERS:
            at = points[BENDS // 2 + (number % 3 - 1)]
            letter = {"x": at[0], "y": at[1], "letter": LETTERS[line.through]}
            letters.append(letter | told)
    return pd.DataFrame(strokes), pd.DataFrame(letters)


def _bend(begin: tuple[float, float], end: tuple[float, float], number: int) -> float:
    """Return how far a line leans aside: more, the more rows it passes in a column."""
    passed = end[1] - begin[1]
    is_steep = abs(end[0] - begin[0]) < 0.5
    aside = 0.09 * passed if is_steep and passed > 1 else 0.03 * passed
    return aside if number % 2 else -aside


def _along(
    begin: tuple[float, float], end: tuple[float, float], bend: float, share: float
) -> tuple[float, float]:
    """Return a point of a bent line, `share` of the way."""
    x = begin[0] + (end[0] - begin[0]) * share + 4 * bend * share * (1 - share)
    return x, begin[1] + (end[1] - begin[1]) * share


def _strokes(
    strokes: pd.DataFrame, letters: pd.DataFrame, across: vl.X, down: vl.Y
) -> list[vl.Chart]:
    """Draw the lines, the wider the more goes that way, and their letters."""
    share = vl.Tooltip("share:Q", title="logits", format="+.2f")
    told = ["edge:N", vl.Tooltip("through:N", title="through its"), share]
    lines = (
        vl.Chart(strokes)
        .mark_rule(strokeCap="round")
        .encode(
            x=across,
            y=down,
            x2="x2:Q",
            y2="y2:Q",
            strokeWidth=vl.StrokeWidth("size:Q", legend=None).scale(
                domain=[0, float(strokes["size"].max()) or 1.0], range=[1, 6]
            ),
            color=vl.when(vl.datum.share > 0)
            .then(vl.value(POSITIVE))
            .otherwise(vl.value(NEGATIVE)),
            opacity=vl.when(vl.datum.own).then(vl.value(0.7)).otherwise(vl.value(0.12)),
            tooltip=told,
        )
    )
    if letters.empty:
        return [lines]
    names = printed(
        vl.Chart(letters).transform_filter(vl.datum.own).encode(x=across, y=down),
        dx=3,
        fontSize=11,
        fontWeight="bold",
    ).encode(text="letter:N", tooltip=told)
    return [lines, names]


def _nodes(
    nodes: Sequence[GraphNode],
    places: Sequence[tuple[float, float]],
    pieces: Sequence[str],
    chosen: int | None,
    axes: tuple[vl.X, vl.Y],
) -> list[vl.Chart]:
    """Draw the nodes with their names."""
    table = _node_table(nodes, places, pieces, chosen)
    base = vl.Chart(table).encode(
        x=axes[0],
        y=axes[1],
        tooltip=["at:N", vl.Tooltip("effect:Q", title="logits", format="+.2f")],
    )
    circles = (
        base.mark_circle(cursor="pointer", opacity=1, strokeWidth=3)
        .encode(
            size=vl.value(190),
            color=vl.when(vl.datum.effect > 0)
            .then(vl.value(POSITIVE))
            .otherwise(vl.value(NEGATIVE)),
            stroke=vl.when(vl.datum.chosen)
            .then(vl.value(VIOLET))
            .otherwise(vl.value("transparent")),
        )
        .add_params(
            vl.selection_point(PICKED, fields=["part", "position"], clear=False)
        )
    )
    return [circles, printed(base, dx=9, dy=-9, fontSize=12).encode(text="name:N")]


def _node_table(
    nodes: Sequence[GraphNode],
    places: Sequence[tuple[float, float]],
    pieces: Sequence[str],
    chosen: int | None,
) -> pd.DataFrame:
    """Return a row per node."""
    names = _names(nodes, pieces)
    return pd.DataFrame(
        {
            "x": place[0],
            "y": place[1],
            "part": node.part,
            "position": node.position,
            "name": "" if node.name == "embedding" else node.name,  # its row says so
            "at": names[number],
            "effect": node.effect,
            "chosen": number == chosen,
        }
        for number, (node, place) in enumerate(zip(nodes, places, strict=True))
    )


def _names(nodes: Sequence[GraphNode], pieces: Sequence[str]) -> list[str]:
    """Name each node by its part and token; the answer needs no token."""
    at = placed_pieces(pieces)
    named = [f"{node.name} at {at[node.position]}" for node in nodes[:-1]]
    return [*named, nodes[-1].name]


def _looked_up(labels: Sequence[str], values: Sequence[float]) -> str:
    """Return the expression that names an axis's places; texts are data, not code."""
    return (
        f"{json.dumps(list(labels))}[indexof({json.dumps(list(values))}, datum.value)]"
    )
