"""Paths as a graph: heads by layer, the logits below, a line for each path that counts.

Blue moves the answer, vermillion moves it back; the wider a line, the farther.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from viz import vega_lite as vl
from viz.lens_charts import LEAN, NARROW
from viz.theme import BLUE, GRAY, VERMILLION
from viz.vega_lite.lettering import printed

LOGITS = "logits"
NAMED = 64
"""Heads whose names there is room for."""

Head = tuple[int, int]


@dataclass(frozen=True)
class DrawnPath:
    """From a head to another (or None, the logits), and how far it moves the answer."""

    sender: Head
    receiver: Head | None
    moved: float

    @property
    def name(self) -> str:
        """As in `L0H1 → L2H3`."""
        end = LOGITS if self.receiver is None else _name(self.receiver)
        return f"{_name(self.sender)} → {end}"


def path_table(paths: Sequence[DrawnPath]) -> pd.DataFrame:
    """Return a row per path: the table behind the graph."""
    rows = [(path.name, path.moved) for path in paths]
    return pd.DataFrame(rows, columns=["path", "moved"])


def path_graph(size: tuple[int, int], paths: Sequence[DrawnPath]) -> vl.LayerChart:
    """Draw heads and the logits, and a line for each path.

    Args:
        size: Layers, and heads in each.
        paths: The paths to draw.
    """
    layers, heads = size
    # Every other layer stands aside, so that no line runs through a head between.
    places = {
        (layer, head): (head + 0.3 * (layer % 2), layer)
        for layer in range(layers)
        for head in range(heads)
    }
    end = ((heads - 1) / 2 + 0.15, layers)
    nodes = pd.DataFrame(
        [{"x": x, "y": y, "name": _name(head)} for head, (x, y) in places.items()]
        + [{"x": end[0], "y": end[1], "name": LOGITS}]
    )
    across = vl.X("x:Q", axis=None).scale(domain=[-0.5, heads - 0.2], nice=False)
    down = (
        vl.Y("y:Q", title="layer")
        .scale(domain=[layers + 0.4, -0.4], nice=False)
        .axis(
            values=list(range(layers)),
            tickCount=layers,  # or Vega thins them out
            format="d",
            grid=False,
            **LEAN,
        )
    )
    base = vl.Chart(nodes).encode(x=across, y=down, tooltip=["name:N"])
    size_of = 150 if layers * heads <= NAMED else 50
    drawn = [base.mark_circle(opacity=1, size=size_of, color=GRAY)]
    if layers * heads <= NAMED:
        drawn.append(printed(base, dx=9, dy=-9, fontSize=12).encode(text="name:N"))
    if paths:
        drawn.insert(0, _lines(paths, places, end).encode(x=across, y=down))
    height = max(240, min(60 * (layers + 1), 560))
    return vl.LayerChart(layer=drawn, height=height, padding=NARROW)


def _lines(
    paths: Sequence[DrawnPath],
    places: dict[Head, tuple[float, int]],
    end: tuple[float, int],
) -> vl.Chart:
    """Draw the paths, those that move the answer farthest on top."""
    rows = []
    for path in sorted(paths, key=lambda path: abs(path.moved)):
        x, y = places[path.sender]
        x2, y2 = end if path.receiver is None else places[path.receiver]
        rows.append(
            {"x": x, "y": y, "x2": x2, "y2": y2, "path": path.name}
            | {"moved": path.moved, "size": abs(path.moved)}
        )
    chart: vl.Chart = (
        vl.Chart(pd.DataFrame(rows))
        .mark_rule(strokeCap="round", opacity=0.85)
        .encode(
            x2="x2:Q",
            y2="y2:Q",
            strokeWidth=vl.StrokeWidth("size:Q", legend=None).scale(
                domain=[0, 1], range=[1, 9], clamp=True
            ),
            color=vl.when(vl.datum.moved > 0)
            .then(vl.value(BLUE))
            .otherwise(vl.value(VERMILLION)),
            tooltip=["path:N", vl.Tooltip("moved:Q", format="+.3f")],
        )
    )
    return chart


def _name(head: Head) -> str:
    return f"L{head[0]}H{head[1]}"
