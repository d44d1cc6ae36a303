"""Every head as a dot between two measures, with the intervals of both."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.circuits.head_graph import PICKED
from viz.lens_charts import LEAN, NARROW
from viz.theme import BLUE, GRAY, VERMILLION
from viz.vega_lite.lettering import printed

NAMED = 8
"""Heads whose names are printed: those that lie farthest from the middle, and all of
so few."""


class Axis(NamedTuple):
    """One measure of all heads. Every array is [layer head]."""

    title: str
    score: Array
    low: Array
    """Where the 95% interval begins …"""
    high: Array
    """… and where it ends."""
    band: tuple[float, float] | None
    """Between which scores untrained heads lie; None: not compared."""


def scatter_table(x: Axis, y: Axis, chosen: tuple[int, int]) -> pd.DataFrame:
    """Return the table behind `head_scatter`, a row for each head.

    Args:
        x: One measure.
        y: Another, of as many heads.
        chosen: Layer and head that are looked at.

    Raises:
        ValueError: If the measures are not of the same heads.
    """
    if np.shape(x.score) != np.shape(y.score):
        raise ValueError(
            f"Measures of {np.shape(x.score)} and {np.shape(y.score)} heads: both must "
            "be of the same heads."
        )
    layers, heads = np.indices(np.shape(x.score))
    columns: dict[str, Array] = {"layer": layers.ravel(), "number": heads.ravel()}
    for name, axis in (("x", x), ("y", y)):
        for part in ("score", "low", "high"):
            columns[f"{name} {part}"] = np.asarray(
                getattr(axis, part), dtype=np.float64
            ).ravel()
    table = pd.DataFrame(columns)
    table["head"] = [
        f"L{layer}H{head}"
        for layer, head in zip(table["layer"], table["number"], strict=True)
    ]
    table["chosen"] = table["head"] == "L{}H{}".format(*chosen)
    far = sum(
        np.abs(table[f"{name} score"] - table[f"{name} score"].median())
        for name in ("x", "y")
    )
    outermost = set(far.nlargest(NAMED).index)
    shown = table.index.isin(outermost) | table["chosen"]
    table["text"] = table["head"].where(shown, "")
    return table


def head_scatter(table: pd.DataFrame, x: Axis, y: Axis) -> vl.LayerChart:
    """Draw a dot for each head; a click picks one. Grey: untrained heads.

    Args:
        table: From `scatter_table`.
        x: The measure along the chart.
        y: The measure upwards.
    """
    across = vl.X("x score:Q", title=x.title).scale(domainMin=0).axis(**LEAN)
    upwards = vl.Y("y score:Q", title=y.title).scale(domainMin=0).axis(**LEAN)
    layers: list[vl.Figure] = [*_bands(x, y)]
    rows = vl.Chart(table)
    layers += [
        rows.mark_rule(color=GRAY, opacity=0.7).encode(
            x="x low:Q", x2="x high:Q", y=upwards
        ),
        rows.mark_rule(color=GRAY, opacity=0.7).encode(
            x=across, y="y low:Q", y2="y high:Q"
        ),
    ]
    base = rows.encode(x=across, y=upwards, tooltip=_tooltip(x, y))
    layers += [
        base.mark_circle(size=90, opacity=1, cursor="pointer")
        .encode(
            color=vl.when(vl.datum.chosen)
            .then(vl.value(VERMILLION))
            .otherwise(vl.value(BLUE))
        )
        .add_params(
            vl.selection_point(PICKED, fields=["layer", "number"], clear=False)
        ),
        printed(base, dx=8, dy=-8, fontSize=11).encode(text="text:N"),
    ]
    return vl.LayerChart(layer=layers, height=380, padding=NARROW)


def _bands(x: Axis, y: Axis) -> list[vl.Chart]:
    """Draw where untrained heads lie, along each axis."""
    found = []
    if x.band is not None:
        table = pd.DataFrame([{"low": x.band[0], "high": x.band[1]}])
        found.append(_stripe(table).encode(x="low:Q", x2="high:Q"))
    if y.band is not None:
        table = pd.DataFrame([{"low": y.band[0], "high": y.band[1]}])
        found.append(_stripe(table).encode(y="low:Q", y2="high:Q"))
    return found


def _stripe(table: pd.DataFrame) -> vl.Chart:
    return vl.Chart(table).mark_rect(color=GRAY, opacity=0.2)


def _tooltip(x: Axis, y: Axis) -> Sequence[str | vl.Tooltip]:
    return [
        "head:N",
        *(
            vl.Tooltip(f"{name} {part}:Q", title=title, format=".3f")
            for name, axis in (("x", x), ("y", y))
            for part, title in (
                ("score", axis.title),
                ("low", "95% interval from"),
                ("high", "to"),
            )
        ),
    ]
