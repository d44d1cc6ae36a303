"""A training run: its loss beside the baselines of counting models, and its gauges.

Losses are in nats per token. A run logs thousands of steps and a screen shows hundreds,
so each line is thinned; the first and last points and every extreme stay.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, GRAY, SKY, VERMILLION

EACH_STEP = "training, each step"
AVERAGE = "training, average"
VALIDATION = "validation"

_COLOURS: Final = {EACH_STEP: SKY, AVERAGE: BLUE, VALIDATION: VERMILLION}
_POINTS: Final = {EACH_STEP: 400, AVERAGE: 100, VALIDATION: 100}
"""Points to keep of each line: 600 in all."""

LOSS_TITLE = "loss (nats per token)"


def metrics_table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lay out a run's journal as one row per record: the table behind the curves.

    Args:
        records: Mappings with `kind` ("step" or "evaluation"), `step`, `loss`, and for
            steps whatever else was measured. Records of other kinds are left out.

    Returns:
        Columns step, loss, validation_loss, and the rest, in order of the step; empty
        cells are not-a-number.
    """
    rows = []
    for record in records:
        if record.get("kind", "step") not in ("step", "evaluation"):
            continue
        row = {name: value for name, value in record.items() if name != "kind"}
        if record.get("kind") == "evaluation":
            row["validation_loss"] = row.pop("loss")
        rows.append(row)
    table = pd.DataFrame(rows)
    for column in ("step", "loss", "validation_loss"):
        if column not in table:
            table[column] = np.nan
    return table.sort_values("step", kind="stable", ignore_index=True)


def thin(
    table: pd.DataFrame, column: str, limit: int = 600, *, log_x: bool = False
) -> pd.DataFrame:
    """Keep at most `limit` rows: the first, the last, and each stretch's extremes.

    Taking every nth row would hide the spikes, which matter most.

    Args:
        table: Rows in order.
        column: Whose smallest and largest values to keep.
        limit: Rows to keep at most, four or more.
        log_x: Whether early rows take as much room on the axis as many late ones, so
            that stretches grow by a factor.

    Raises:
        ValueError: If `limit` is below four.
    """
    if limit < 4:
        raise ValueError(f"Thinning keeps four rows or more, not {limit}.")
    if len(table) <= limit:
        return table
    values = table[column].to_numpy(dtype=np.float64)
    spaced = np.geomspace if log_x else np.linspace
    edges = np.rint(spaced(1, len(table) + 1, (limit - 2) // 2 + 1)).astype(int) - 1
    kept = {0, len(table) - 1}
    for start, end in itertools.pairwise(np.unique(edges)):
        stretch = values[start:end]
        kept |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return table.iloc[sorted(kept)]


def loss_table(metrics: pd.DataFrame, *, log_x: bool = False) -> pd.DataFrame:
    """Return the points of the loss curves, thinned: columns step, loss, line.

    Losses that are not finite, of a run that diverged, cannot be drawn and
    are left out; so is step 0 on an axis that grows by factors.
    """
    columns = {
        EACH_STEP: "loss",
        AVERAGE: "average_loss",
        VALIDATION: "validation_loss",
    }
    lines = []
    for line, column in columns.items():
        if column not in metrics:
            continue
        points = metrics[["step", column]].rename(columns={column: "loss"})
        points = points[np.isfinite(points["loss"].astype(float))]
        if log_x:
            points = points[points["step"] > 0]
        kept = thin(points, "loss", _POINTS[line], log_x=log_x)
        lines.append(kept.assign(line=line))
    if not lines:
        return pd.DataFrame({"step": [], "loss": [], "line": []})
    return pd.concat(lines, ignore_index=True)


def loss_curve(
    metrics: pd.DataFrame | Sequence[Mapping[str, Any]],
    baselines: Mapping[str, float] | None = None,
    *,
    log_x: bool = False,
) -> vl.LayerChart:
    """Draw the losses of a run, and the baselines of counting models as dashed lines.

    Args:
        metrics: A run's journal, or a table with columns step, loss, average_loss,
            validation_loss (the last two may be missing).
        baselines: Losses to beat by name, in nats per token.
        log_x: Whether steps grow by factors, which shows the early ones.
    """
    table = metrics if isinstance(metrics, pd.DataFrame) else metrics_table(metrics)
    points = loss_table(table, log_x=log_x)
    present = [line for line in _COLOURS if (points["line"] == line).any()]
    x = vl.X("step:Q", title="step").scale(
        type="log" if log_x else "linear", nice=False
    )
    y = vl.Y("loss:Q", title=LOSS_TITLE).scale(zero=False)
    colour = (
        vl.Color("line:N", title=None)
        .scale(domain=present, range=[_COLOURS[line] for line in present])
        .legend(orient="top")
    )
    tooltip = [
        vl.Tooltip("line:N"),
        vl.Tooltip("step:Q"),
        vl.Tooltip("loss:Q", format=".4f"),
    ]
    chart = vl.Chart(points).encode(x=x, y=y, color=colour, tooltip=tooltip)
    lines = vl.LayerChart(
        layer=[
            _only(chart, EACH_STEP).mark_line(strokeWidth=1, opacity=0.6),
            _only(chart, AVERAGE).mark_line(strokeWidth=2.2),
            _only(chart, VALIDATION).mark_line(strokeWidth=2.2, point={"size": 36}),
        ],
        height=340,
    )
    if not baselines:
        return lines
    # The baselines bring an axis of their own, for their names.
    both = vl.LayerChart(layer=[lines, baseline_layer(baselines)], height=340)
    figure: vl.LayerChart = both.resolve_axis(y="independent")
    return figure


def _only(chart: vl.Chart, line: str) -> vl.Chart:
    selected: vl.Chart = chart.transform_filter(vl.datum.line == line)
    return selected


def baseline_layer(baselines: Mapping[str, float]) -> vl.Chart:
    """Draw dashed lines, named by an axis on the right.

    An axis, not text marks: Streamlit gives axes the text colour of the theme.
    """
    table = pd.DataFrame({"name": list(baselines), "loss": list(baselines.values())})
    names = " : ".join(
        f"datum.value == {float(loss)!r} ? '{_plain(name)} {loss:.2f}'"
        for name, loss in baselines.items()
    )
    axis = {
        "orient": "right",
        "values": [float(loss) for loss in baselines.values()],
        "labelExpr": f"{names} : ''",
        "labelOverlap": False,
        "labelLimit": 200,
        "grid": False,
        "ticks": False,
        "domain": False,
        "title": None,
    }
    layer: vl.Chart = (
        vl.Chart(table)
        .mark_rule(strokeDash=[5, 4], color=GRAY, strokeWidth=1.4)
        .encode(
            y=vl.Y("loss:Q", axis=axis),
            tooltip=["name:N", vl.Tooltip("loss:Q", format=".4f")],
        )
    )
    return layer


def _plain(name: str) -> str:
    """Keep only characters that cannot end a string of a Vega expression."""
    return "".join(letter for letter in name if letter.isalnum() or letter in " -_")


GAUGES: Final = {
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "tokens_per_second": "tokens / s",
}
"""What `gauge_chart` can draw, with the axis titles."""


def gauge_chart(
    metrics: pd.DataFrame | Sequence[Mapping[str, Any]], column: str
) -> vl.Chart:
    """Draw one small curve beside the loss.

    Args:
        metrics: See `loss_curve`.
        column: One of `GAUGES`.

    Raises:
        ValueError: If the column is not one of `GAUGES` or was not measured.
    """
    table = metrics if isinstance(metrics, pd.DataFrame) else metrics_table(metrics)
    if column not in GAUGES or column not in table:
        known = ", ".join(name for name in GAUGES if name in table)
        raise ValueError(f"There is no gauge {column!r} here. There are: {known}.")
    points = table[["step", column]]
    points = thin(points[np.isfinite(points[column].astype(float))], column, 300)
    chart: vl.Chart = (
        vl.Chart(points)
        .mark_line(color=BLUE, strokeWidth=1.6)
        .encode(
            x=vl.X("step:Q", title="step").scale(nice=False),
            y=vl.Y(f"{column}:Q", title=GAUGES[column]).axis(
                tickCount=4, format="~s" if column == "tokens_per_second" else "~g"
            ),
            tooltip=["step:Q", vl.Tooltip(f"{column}:Q", format=".4g")],
        )
        .properties(height=140)
    )
    return chart
