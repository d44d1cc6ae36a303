"""How a weight learns: a prompt's loss, its gradients, a matrix, and steps against it.

Losses are in nats per token.
"""

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from viz.attention import Array
from viz.components.value_grid.view import Grid
from viz.probabilities import probability_text
from viz.provenance import digits
from viz.theme import BLUE, CATEGORIES, GRAY, VERMILLION
from viz.tokens import display_piece, placed_pieces

REAL, SLOPE = "the real loss", "what the slope promises"
LARGEST_LOSS = 1e6
"""Nats; what lies above is drawn there, so that a chart keeps its scale."""


def signed(value: float) -> str:
    """Write a change with its sign.

    >>> signed(-0.25), signed(3)
    ('−0.25', '+3')
    """
    return f"{value:+.4g}".replace("-", "−")


def loss_grid(pieces: Sequence[str], probabilities: Array) -> Grid:
    """Lay out what each token of a text costs: its probability, and −ln of it.

    Args:
        pieces: Token texts.
        probabilities: Of each but the first, given those before it.

    Raises:
        ValueError: If there is not one probability for each token but the first.
    """
    if len(probabilities) != len(pieces) - 1:
        raise ValueError(
            f"{len(pieces)} pieces need {len(pieces) - 1} probabilities, not "
            f"{len(probabilities)}."
        )
    losses = -np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), 1e-300))
    shown = [probability_text(float(p)) for p in probabilities]
    said = [
        f"After {display_piece(before)} the model gave {display_piece(after)} a "
        f"probability of {p:.3g}: it costs −ln {p:.3g} = {loss:.4f} nats"
        for before, after, p, loss in zip(
            pieces, pieces[1:], probabilities, losses, strict=False
        )
    ]
    return Grid(
        np.stack([losses, losses]),
        rows=["p", "−ln p"],
        columns=placed_pieces(pieces)[1:],
        unit="nats",
        column_title="next token",
        texts=[shown, [f"{loss:.2f}" for loss in losses]],
        sentences=[said, said],
    )


def short_name(hook: str) -> str:
    """Name a hook as the heading of a column.

    >>> short_name("blocks.0.attn.hook_z"), short_name("hook_embed")
    ('L0 z', 'embed')
    """
    names = {
        "hook_embed": "embed",
        "hook_z": "z",
        "hook_post": "MLP",
        "hook_resid_post": "out",
    }
    last = hook.rpartition(".")[2]
    name = names.get(last, last)
    return f"L{hook.split('.')[1]} {name}" if hook.startswith("blocks.") else name


def gradient_grid(
    pieces: Sequence[str], hooks: Sequence[str], norms: Array, reached: int
) -> Grid:
    """Lay out how long the gradient is at each token and hook.

    Args:
        pieces: Token texts.
        hooks: In the order of the computation.
        norms: [pos hook].
        reached: How many hooks, from the last on, the backward pass has gone through;
            the others are left blank.
    """
    values = np.array(norms, dtype=np.float64)
    size = _size(values)
    values /= size
    values[:, : len(hooks) - reached] = np.nan
    said = [
        [
            f"At {name}, in {hook}: the gradient has length {digits(float(norm))} "
            "nats per unit"
            for hook, norm in zip(hooks, row, strict=True)
        ]
        for name, row in zip(placed_pieces(pieces), norms, strict=True)
    ]
    return Grid(
        values,
        rows=placed_pieces(pieces),
        columns=[short_name(hook) for hook in hooks],
        unit=f"length of the gradient{_in_units(size)}",
        sentences=said,
        row_title="token",
    )


def matrix_grid(
    values: Array, rows: Sequence[int], columns: Sequence[int], what: str
) -> Grid:
    """Lay out a part of a matrix as signed cells, in units that suit its size.

    Args:
        values: [row column] of the part.
        rows: Their places in the whole matrix.
        columns: Likewise.
        what: What the numbers are: `weight`, `gradient`.
    """
    numbers = np.asarray(values, dtype=np.float64)
    size = _size(numbers)
    said = [
        [
            f"Row {row}, column {column}: {what} {digits(float(number))}"
            for column, number in zip(columns, line, strict=True)
        ]
        for row, line in zip(rows, numbers, strict=True)
    ]
    return Grid(
        numbers / size,
        rows=[str(row) for row in rows],
        columns=[str(column) for column in columns],
        unit=f"{what}{_in_units(size)}",
        sentences=said,
        signed=True,
        limit=float(np.abs(numbers).max() / size) or 1.0,
    )


def _size(values: Array) -> float:
    """Return the power of ten in which the largest number has one digit."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest or not math.isfinite(largest):
        return 1.0
    power = math.floor(math.log10(largest))
    return 1.0 if -1 <= power <= 1 else 10.0**power


def _in_units(size: float) -> str:
    return "" if size == 1 else f", in units of {size:g}"


def rate_table(
    rates: Sequence[float], losses: Array, before: float, slope: float
) -> pd.DataFrame:
    """Return the loss after one step of each size: columns rate, loss, line.

    Args:
        rates: Step sizes.
        losses: After a step of each, in nats.
        before: The loss before it.
        slope: By how much the loss changes per unit of step size at first.
    """
    real = np.minimum(np.nan_to_num(losses, nan=np.inf), LARGEST_LOSS)
    straight = before + slope * np.asarray(rates)
    rows = [
        {"rate": rate, "loss": float(loss), "line": line}
        for line, values in ((REAL, real), (SLOPE, straight))
        for rate, loss in zip(rates, values, strict=True)
        # A loss is never below zero, however long the slope is followed.
        if line == REAL or loss >= 0
    ]
    return pd.DataFrame(rows)


def rate_chart(
    rates: Sequence[float],
    losses: Array,
    before: float,
    slope: float,
    chosen: float,
) -> alt.LayerChart:
    """Draw the loss after one step against the size of the step.

    Args:
        rates: See `rate_table`.
        losses: See `rate_table`.
        before: See `rate_table`; it gets a line of its own.
        slope: See `rate_table`.
        chosen: The step size to mark.
    """
    table = rate_table(rates, losses, before, slope)
    top = 2 * before + 1
    x = alt.X("rate:Q", title="step size lr").scale(type="log", nice=False)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.4, point={"size": 50}, clip=True)
        .encode(
            x=x.axis(format="~g", values=list(rates), labelOverlap=True),
            y=alt.Y("loss:Q", title="loss after one step").scale(domain=[0, top]),
            color=alt.Color("line:N", title=None)
            .scale(domain=[REAL, SLOPE], range=[BLUE, VERMILLION])
            .legend(orient="top"),
            tooltip=[
                alt.Tooltip("line:N"),
                alt.Tooltip("rate:Q", format="~g"),
                alt.Tooltip("loss:Q", format=".4f"),
            ],
        )
    )
    rules = [
        alt.Chart(pd.DataFrame({"loss": [before]}))
        .mark_rule(strokeDash=[5, 4], color=GRAY, strokeWidth=1.6)
        .encode(y="loss:Q", tooltip=alt.Tooltip("loss:Q", title="before the step")),
        alt.Chart(pd.DataFrame({"rate": [chosen]}))
        .mark_rule(color=GRAY, strokeWidth=1.6)
        .encode(x="rate:Q", tooltip=alt.Tooltip("rate:Q", title="chosen")),
    ]
    return alt.LayerChart(layer=[*rules, lines], height=300)


def steps_table(losses: Array) -> pd.DataFrame:
    """Return the loss after each step: columns step, loss."""
    numbers = np.minimum(np.nan_to_num(losses, nan=np.inf), LARGEST_LOSS)
    return pd.DataFrame({"step": range(len(numbers)), "loss": numbers})


def steps_chart(losses: Array, taken: int, room: int) -> alt.LayerChart:
    """Draw the loss of the prompt as its step is repeated.

    Args:
        losses: Before the first step and after each, in nats.
        taken: Steps taken: so many are drawn.
        room: Steps that the axis has room for.
    """
    table = steps_table(losses[: taken + 1])
    base = alt.Chart(table).encode(
        x=alt.X("step:Q", title="steps taken")
        .scale(domain=[0, room], nice=False)
        .axis(tickMinStep=1),
        y=alt.Y("loss:Q", title="loss (nats per token)").scale(domainMin=0),
        tooltip=["step:Q", alt.Tooltip("loss:Q", format=".4f")],
    )
    line = base.mark_line(color=BLUE, strokeWidth=2.4)
    points = base.mark_point(color=BLUE, filled=True, size=50)
    return alt.LayerChart(layer=[line, points], height=260)


def probability_rows(pieces: Sequence[str], probabilities: Array) -> pd.DataFrame:
    """Return each next token's probability after each step.

    Args:
        pieces: Token texts; the first is predicted by nothing.
        probabilities: [step label].

    Returns:
        Columns step, token, probability.
    """
    names = placed_pieces(pieces)[1:]
    return pd.DataFrame(
        [
            {"step": step, "token": name, "probability": float(p)}
            for step, row in enumerate(probabilities)
            for name, p in zip(names, row, strict=True)
        ]
    )


def probability_chart(
    pieces: Sequence[str], probabilities: Array, taken: int, room: int
) -> alt.Chart:
    """Draw how the probability of each next token rises as the step is repeated.

    Args:
        pieces: See `probability_rows`.
        probabilities: See `probability_rows`.
        taken: Steps taken: so many are drawn.
        room: Steps that the axis has room for.
    """
    table = probability_rows(pieces, np.asarray(probabilities)[: taken + 1])
    names = placed_pieces(pieces)[1:]
    colours = [CATEGORIES[place % len(CATEGORIES)] for place in range(len(names))]
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.2, point={"size": 36})
        .encode(
            x=alt.X("step:Q", title="steps taken")
            .scale(domain=[0, room], nice=False)
            .axis(tickMinStep=1),
            y=alt.Y("probability:Q", title="probability").scale(domain=[0, 1]),
            color=alt.Color("token:N", title="next token", sort=None)
            .scale(domain=names, range=colours)
            .legend(labelFont="monospace"),
            strokeDash=alt.StrokeDash("token:N", sort=None, legend=None),
            tooltip=["token:N", "step:Q", alt.Tooltip("probability:Q", format=".3g")],
        )
        .properties(height=260)
    )
    return chart
