"""What a strategy trades: how likely its text is, and how varied its words are."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from viz.theme import BLUE


def strategy_table(
    names: Sequence[str], values: Sequence[float], unit: str
) -> pd.DataFrame:
    """Return one row per strategy: the table behind the bars.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(names) != len(values):
        raise ValueError(f"{len(names)} strategies but {len(values)} values of {unit}.")
    return pd.DataFrame({"strategy": list(names), unit: list(map(float, values))})


def strategy_bars(
    names: Sequence[str], values: Sequence[float], unit: str, *, digits: int = 2
) -> alt.LayerChart:
    """Draw one number of each strategy as a bar from 0, printed at its end.

    Args:
        names: The strategies', in the order to show.
        values: Of one sign.
        unit: What is measured, with its unit.
        digits: How many are printed behind the point.

    Raises:
        ValueError: See `strategy_table`.
    """
    below = any(value < 0 for value in values)
    base = alt.Chart(strategy_table(names, values, unit)).encode(
        y=alt.Y("strategy:N", title=None, sort=None).axis(ticks=False, domain=False),
        x=alt.X(f"{unit}:Q").axis(tickCount=4),
        tooltip=["strategy:N", alt.Tooltip(f"{unit}:Q", format=f".{digits + 1}f")],
    )
    bars = base.mark_bar(cornerRadiusEnd=2, color=BLUE, opacity=0.55)
    # The number is printed inside, at the base: bars of any length have room there.
    texts = base.mark_text(
        align="right" if below else "left", dx=-4 if below else 4
    ).encode(text=alt.Text(f"{unit}:Q", format=f".{digits}f"), x=alt.datum(0))
    figure: alt.LayerChart = (bars + texts).properties(height=alt.Step(22))
    return figure
