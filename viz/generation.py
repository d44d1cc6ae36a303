"""What a strategy trades: how likely its text is, and how varied its words are."""

from collections.abc import Mapping, Sequence
from statistics import median

import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, VERMILLION


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


def step_time_lines(
    lengths: Sequence[int], milliseconds: Mapping[str, Sequence[float]]
) -> vl.LayerChart:
    """Draw how long the next token takes after texts of several lengths.

    Args:
        lengths: Of the texts, in tokens.
        milliseconds: For each way of computing it, a time per length.

    Raises:
        ValueError: If a way has not one time per length.
    """
    for name, values in milliseconds.items():
        if len(values) != len(lengths):
            raise ValueError(
                f"{len(lengths)} lengths but {len(values)} times {name!r}."
            )
    rows = [
        {"tokens": length, "way": name, "milliseconds": float(value)}
        for name, values in milliseconds.items()
        for length, value in zip(lengths, values, strict=True)
    ]
    base = vl.Chart(pd.DataFrame(rows)).encode(
        x=vl.X("tokens:Q", title="tokens in the text"),
        y=vl.Y("milliseconds:Q", title="milliseconds for the next token").scale(
            zero=True
        ),
        color=vl.Color("way:N", title=None)
        .scale(domain=list(milliseconds), range=[BLUE, VERMILLION])
        .legend(orient="top"),
        tooltip=["way:N", "tokens:Q", vl.Tooltip("milliseconds:Q", format=".2f")],
    )
    figure: vl.LayerChart = base.mark_line() + base.mark_point(filled=True, size=50)
    return figure.properties(height=260)


def sample_table(
    names: Sequence[str], values: Sequence[Sequence[float]], unit: str
) -> pd.DataFrame:
    """Return a row per sample: the table behind the dots.

    Raises:
        ValueError: If the lengths differ, or a strategy has no sample.
    """
    if len(names) != len(values) or not all(values):
        raise ValueError(
            f"{len(names)} strategies but {[len(each) for each in values]} values of "
            f"{unit}."
        )
    return pd.DataFrame(
        [
            {"strategy": name, unit: float(value)}
            for name, each in zip(names, values, strict=True)
            for value in each
        ]
    )


def sample_dots(
    names: Sequence[str], values: Sequence[Sequence[float]], unit: str
) -> vl.LayerChart:
    """Draw every sample of each strategy as a dot, and their median as a printed line.

    Args:
        names: The strategies', in the order to show.
        values: Of each strategy, one number per sample.
        unit: What is measured, with its unit.

    Raises:
        ValueError: See `sample_table`.
    """
    strategy = vl.Y("strategy:N", title=None, sort=None)
    strategy = strategy.axis(ticks=False, domain=False)
    place = vl.X(f"{unit}:Q").axis(tickCount=4).scale(zero=False, nice=True)
    dots = (
        vl.Chart(sample_table(names, values, unit))
        .mark_circle(color=BLUE, opacity=0.45, size=36)
        .encode(
            y=strategy,
            x=place,
            tooltip=["strategy:N", vl.Tooltip(f"{unit}:Q", format=".3f")],
        )
    )
    medians = vl.Chart(strategy_table(names, list(map(median, values)), unit))
    medians = medians.encode(y=strategy, x=place)
    ticks = medians.mark_tick(color=VERMILLION, thickness=3, size=16)
    texts = medians.mark_text(dy=-13, fontSize=11).encode(
        text=vl.Text(f"{unit}:Q", format=".2f")
    )
    figure: vl.LayerChart = (dots + ticks + texts).properties(height={"step": 34})
    return figure
