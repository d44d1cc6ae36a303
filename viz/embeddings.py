"""Token embeddings: the nearest neighbours of one, and many of them in a plane.

Next: `embedding_drift`, how they came there.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.lens_charts import LEAN, NARROW, labelled, room_for, token_axis
from viz.theme import BLUE, GRAY, NEGATIVE, POSITIVE, VERMILLION
from viz.tokens import display_pieces
from viz.vega_lite.lettering import printed

if TYPE_CHECKING:
    import plotly.graph_objects as go

CHOSEN, NEAR, OTHER = "chosen", "nearest", "other"
MARKS = (CHOSEN, NEAR, OTHER)
HUES = (VERMILLION, BLUE, GRAY)

FEW = 80
"""Up to this many points, each is drawn as a dot of its own."""

LABEL_HEIGHT, LABEL_CHARACTER = 0.06, 0.016
"""Room that a name takes, as a share of the picture's height and width."""


def neighbour_bars(
    pieces: Sequence[str], cosines: Array, chance: float
) -> vl.LayerChart:
    """Draw the tokens nearest to one, as long as their cosine.

    Args:
        pieces: Token texts, nearest first.
        cosines: As many, −1 to 1.
        chance: The cosine that the nearest has by chance, drawn as a dashed line.
    """
    numbers = [f"{cosine:.3f}" for cosine in cosines]
    table = pd.DataFrame(
        {
            "token": labelled(pieces, numbers),
            "cosine": np.asarray(cosines, dtype=np.float64),
        }
    )
    least = min(0.0, float(table["cosine"].min())) if len(table) else 0.0
    toward = vl.when(vl.datum.cosine > 0).then(vl.value(POSITIVE))
    line = (
        vl.Chart(pd.DataFrame({"chance": [float(chance)]}))
        .mark_rule(color=GRAY, strokeDash=[4, 3], strokeWidth=2)
        .encode(x="chance:Q")
    )
    bars = (
        vl.Chart(table)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=token_axis("token"),
            x=vl.X("cosine:Q", title="cosine")
            .scale(domain=[least, 1])
            .axis(tickCount=4, **LEAN),
            color=toward.otherwise(vl.value(NEGATIVE)),
            tooltip=["token:N", vl.Tooltip("cosine:Q", format=".4f")],
        )
    )
    both: vl.LayerChart = (bars + line).properties(
        height=room_for(len(table)), padding=NARROW
    )
    return both


def point_table(
    pieces: Sequence[str], points: Array, marks: Sequence[str]
) -> pd.DataFrame:
    """Return one row per token: the table behind the scatter.

    Args:
        pieces: Token texts.
        points: Places along the components, [token component].
        marks: `chosen`, `nearest` or `other`, as many.

    Returns:
        Columns token, mark, c1, c2, … (at least two).

    Raises:
        ValueError: If the lengths differ or a mark is unknown.
    """
    if not len(pieces) == len(points) == len(marks):
        raise ValueError(
            f"{len(pieces)} pieces, {len(points)} points and {len(marks)} marks: there "
            "must be as many of each."
        )
    unknown = set(marks) - set(MARKS)
    if unknown:
        raise ValueError(f"A mark is one of {', '.join(MARKS)}, not {unknown}.")
    places = np.asarray(points, dtype=np.float64)
    # Points on a line, or a single one, have no second direction.
    missing = max(0, 2 - places.shape[1])
    places = np.pad(places, ((0, 0), (0, missing)))
    columns = {f"c{i + 1}": places[:, i] for i in range(places.shape[1])}
    return pd.DataFrame(
        {"token": display_pieces(pieces), "mark": list(marks), **columns}
    )


def component_titles(explained: Sequence[float], count: int = 2) -> list[str]:
    """Name components with the share of the variance that they hold.

    >>> component_titles([0.5, 0.031])
    ['component 1 (50.0% of the variance)', 'component 2 (3.1% of the variance)']
    """
    shares = [*explained, *[0.0] * count][:count]
    return [
        f"component {i + 1} ({100 * share:.1f}% of the variance)"
        for i, share in enumerate(shares)
    ]


def scatter(table: pd.DataFrame, explained: Sequence[float]) -> vl.LayerChart:
    """Draw tokens in the plane of the first two components.

    Args:
        table: From `point_table`.
        explained: Share of the variance along each component.
    """
    first, second = component_titles(explained)
    base = vl.Chart(table).encode(
        x=vl.X("c1:Q", title=first).scale(zero=False, nice=False, padding=14),
        y=vl.Y("c2:Q", title=second).scale(zero=False, nice=False, padding=14),
        tooltip=[
            "token:N",
            vl.Tooltip("c1:Q", format=".3f"),
            vl.Tooltip("c2:Q", format=".3f"),
        ],
    )
    few = len(table) <= FEW
    hues = dict(zip(MARKS, HUES, strict=True))
    marks = [mark for mark in MARKS if (table["mark"] == mark).any()]
    dots = base.mark_circle().encode(
        color=vl.Color("mark:N", title=None)
        .scale(domain=marks, range=[hues[mark] for mark in marks])
        .legend(orient="top"),
        size=vl.when(vl.datum.mark == OTHER)
        .then(vl.value(45 if few else 18))
        .otherwise(vl.value(80)),
        opacity=vl.when(vl.datum.mark == OTHER)
        .then(vl.value(0.55))
        .otherwise(vl.value(1.0)),
    )
    named = base.properties(data=table[free_names(table)])
    names = printed(named, dx=6, dy=-4, font="monospace", fontSize=12).encode(
        text="token:N"
    )
    chart: vl.LayerChart = (dots + names).properties(height=265, padding=NARROW)
    return chart


def free_names(table: pd.DataFrame) -> list[bool]:
    """Choose the points to name: as many as fit, and no name over another.

    The chosen token comes first, then its nearest, then the others in their order.

    Args:
        table: From `point_table`.
    """
    places = table[["c1", "c2"]].to_numpy()
    spread = np.ptp(places, axis=0)
    shares = (places - places.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    widths = LABEL_CHARACTER * (1 + table["token"].str.len().to_numpy())
    order = sorted(
        range(len(table)), key=lambda row: MARKS.index(table["mark"].iloc[row])
    )
    named: list[int] = []
    for row in order:
        x, y = shares[row]
        taken = shares[named]
        apart_x = np.maximum(
            taken[:, 0] - x - widths[row], x - taken[:, 0] - widths[named]
        )
        if np.all((apart_x > 0) | (np.abs(taken[:, 1] - y) > LABEL_HEIGHT)):
            named.append(row)
    chosen = set(named)
    return [row in chosen for row in range(len(table))]


def scatter_3d(table: pd.DataFrame, explained: Sequence[float]) -> "go.Figure":
    """Draw tokens along three components, to turn with the mouse.

    Args:
        table: From `point_table`, of three components.
        explained: Share of the variance along each component.
    """
    import plotly.graph_objects as go  # slow to import, and wanted on request alone

    titles = [
        title.replace(" of the variance", "")
        for title in component_titles(explained, 3)
    ]
    figure = go.Figure()
    depth = table["c3"] if "c3" in table else np.zeros(len(table))
    for mark, hue in zip(MARKS, HUES, strict=True):
        rows = table["mark"] == mark
        figure.add_trace(
            go.Scatter3d(
                x=table["c1"][rows],
                y=table["c2"][rows],
                z=depth[rows],
                name=mark,
                mode="markers" if mark == OTHER else "markers+text",
                text=[_unmarked(token) for token in table["token"][rows]],
                hovertemplate="%{text}<extra></extra>",
                marker={"color": hue, "size": 3 if mark == OTHER else 6},
            )
        )
    axes = dict(zip(("xaxis", "yaxis", "zaxis"), titles, strict=True))
    figure.update_layout(
        height=430,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={axis: {"title": {"text": title}} for axis, title in axes.items()},
        legend={"orientation": "h", "y": 1.0},
    )
    return figure


def _unmarked(text: str) -> str:
    """Plotly reads markup in its texts; a token's angle bracket is not one."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
