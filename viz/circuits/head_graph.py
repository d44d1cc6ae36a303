"""Heads as a graph: a line where what one writes is read by another, more than chance.

Layers go down and heads across, as in the explorer's other views.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from viz import vega_lite as vl
from viz.lens_charts import LEAN, NARROW, room_for
from viz.theme import BLUE, GRAY
from viz.vega_lite.lettering import printed

PICKED = "picked"
"""Name of the graph's selection: rows {"layer": 1, "number": 0}."""

NAMED = 100
"""Heads whose names there is room for."""

Head = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """Two heads, how much the later one reads of the earlier, and their band."""

    earlier: Head
    later: Head
    score: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """As in `L0H1 → L2H3`."""
        return " → ".join(map(head_name, (self.earlier, self.later)))


def head_name(head: Head) -> str:
    """Name a head.

    >>> head_name((0, 3))
    'L0H3'
    """
    return f"L{head[0]}H{head[1]}"


def line_table(lines: Sequence[Line]) -> pd.DataFrame:
    """Return a row per line: the table behind the graph and the bands."""
    columns = ["link", "score", "by chance from", "to"]
    rows = [(line.name, line.score, line.low, line.high) for line in lines]
    return pd.DataFrame(rows, columns=columns)


def head_graph(
    size: tuple[int, int], lines: Sequence[Line], chosen: Head
) -> vl.LayerChart:
    """Draw all heads, and a line for each link; a click picks a head.

    Args:
        size: Layers, and heads in each.
        lines: The links to draw.
        chosen: The head to frame; its lines are in colour, the others grey.
    """
    layers, heads = size
    # Heads of one layer stand half a step aside in every other layer, so that a line
    # between two layers does not run through a head of a layer in between.
    places = {
        (layer, head): head + 0.3 * (layer % 2)
        for layer in range(layers)
        for head in range(heads)
    }
    edges = _edge_table(lines, places, chosen)
    nodes = pd.DataFrame(
        {
            "x": place,
            "y": layer,
            "layer": layer,
            "number": head,
            "head": head_name((layer, head)),
            "chosen": (layer, head) == chosen,
        }
        for (layer, head), place in places.items()
    )
    across = vl.X("x:Q", axis=None).scale(domain=[-0.5, heads - 0.2], nice=False)
    down = (
        vl.Y("y:Q", title="layer")
        .scale(domain=[layers - 0.6, -0.4], nice=False)
        .axis(
            values=list(range(layers)),
            tickCount=layers,  # or Vega thins them out
            format="d",
            grid=False,
            **LEAN,
        )
    )
    layers_drawn = _nodes(nodes, across, down)
    if len(edges):
        layers_drawn = [_edges(edges, across, down), *layers_drawn]
    height = max(240, min(46 * layers, 560))
    return vl.LayerChart(layer=layers_drawn, height=height, padding=NARROW)


def _edge_table(
    lines: Sequence[Line], places: dict[Head, float], chosen: Head
) -> pd.DataFrame:
    """Return a row per line; those of the chosen head last, so that they lie on top."""
    return pd.DataFrame(
        {
            "x": places[line.earlier],
            "y": line.earlier[0],
            "x2": places[line.later],
            "y2": line.later[0],
            "link": line.name,
            "score": line.score,
            "above": line.score - line.high,
            "own": chosen in (line.earlier, line.later),
        }
        for line in sorted(lines, key=lambda line: chosen in (line.earlier, line.later))
    )


def _edges(edges: pd.DataFrame, across: vl.X, down: vl.Y) -> vl.Chart:
    """Draw the links, the wider the further above chance."""
    chart: vl.Chart = (
        vl.Chart(edges)
        .mark_rule(strokeCap="round")
        .encode(
            x=across,
            y=down,
            x2="x2:Q",
            y2="y2:Q",
            strokeWidth=vl.StrokeWidth("above:Q", legend=None).scale(
                domain=[0, float(edges["above"].max()) or 1.0], range=[1, 5]
            ),
            color=vl.when(vl.datum.own).then(vl.value(BLUE)).otherwise(vl.value(GRAY)),
            opacity=vl.when(vl.datum.own)
            .then(vl.value(0.95))
            .otherwise(vl.value(0.45)),
            tooltip=["link:N", vl.Tooltip("score:Q", format=".3f")],
        )
    )
    return chart


def _nodes(nodes: pd.DataFrame, across: vl.X, down: vl.Y) -> list[vl.Chart]:
    """Draw the heads, with their names where there is room."""
    base = vl.Chart(nodes).encode(x=across, y=down, tooltip=["head:N"])
    circles = (
        base.mark_circle(cursor="pointer", opacity=1)
        .encode(
            size=vl.value(150 if len(nodes) <= NAMED else 50),
            color=vl.when(vl.datum.chosen)
            .then(vl.value(BLUE))
            .otherwise(vl.value(GRAY)),
        )
        .add_params(vl.selection_point(PICKED, fields=["layer", "number"], clear=False))
    )
    if len(nodes) > NAMED:
        return [circles]
    names = printed(base, dx=9, dy=-9, fontSize=12).encode(text="head:N")
    return [circles, names]


def band_bars(lines: Sequence[Line], unit: str) -> vl.LayerChart:
    """Draw each link's score as a dot, and its band of chance as a grey bar behind.

    Args:
        lines: The links, in the order to show.
        unit: What the score is.
    """
    table = line_table(lines).rename(columns={"by chance from": "low", "to": "high"})
    rows = vl.Chart(table).encode(
        y=vl.Y("link:N", title=None, sort=None).axis(
            ticks=False, domain=False, labelOverlap=False, labelLimit=190, **LEAN
        )
    )
    bands = rows.mark_bar(color=GRAY, opacity=0.3, cornerRadius=2).encode(
        x=vl.X("low:Q", title=unit).scale(domainMin=0).axis(**LEAN),
        x2="high:Q",
        tooltip=[
            vl.Tooltip("low:Q", title="by chance from", format=".3f"),
            vl.Tooltip("high:Q", title="to", format=".3f"),
        ],
    )
    dots = rows.mark_point(filled=True, size=110, opacity=1, color=BLUE).encode(
        x="score:Q", tooltip=["link:N", vl.Tooltip("score:Q", format=".4f")]
    )
    numbers = printed(rows, dx=9).encode(
        x="score:Q", text=vl.Text("score:Q", format=".3f")
    )
    chart: vl.LayerChart = (bands + dots + numbers).properties(
        height=room_for(len(table)) + 4 * len(table), padding=NARROW
    )
    return chart
