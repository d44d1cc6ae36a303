"""One training step as a bar, divided into what its time was spent on."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, GRAY, ORANGE, SKY, VERMILLION

_COLOURS: Final = {
    "data": ORANGE,
    "forward": SKY,
    "backward": BLUE,
    "optimizer": VERMILLION,
    "other": GRAY,
}


def step_table(milliseconds: Mapping[str, float]) -> pd.DataFrame:
    """Return the bar's pieces: columns part, milliseconds, share, name, order.

    Args:
        milliseconds: By part, in order.

    Raises:
        ValueError: If a part is unknown.
    """
    unknown = set(milliseconds) - set(_COLOURS)
    if unknown:
        raise ValueError(f"Unknown parts of a step: {', '.join(sorted(unknown))}.")
    table = pd.DataFrame(
        {"part": list(milliseconds), "milliseconds": list(milliseconds.values())}
    )
    table["share"] = table["milliseconds"] / (table["milliseconds"].sum() or 1.0)
    table["name"] = [
        f"{part} {each:.3g} ms, {share:.0%}"
        for part, each, share in zip(
            table["part"], table["milliseconds"], table["share"], strict=True
        )
    ]
    table["order"] = range(len(table))
    return table


def step_bar(milliseconds: Mapping[str, float], *, columns: int = 2) -> vl.Chart:
    """Draw one step as a bar; the legend prints milliseconds and shares.

    Args:
        milliseconds: By part: data, forward, backward, optimizer, other.
        columns: Names per row of the legend.
    """
    table = step_table(milliseconds)
    colour = (
        vl.Color("name:N", title=None)
        .scale(
            domain=list(table["name"]), range=[_COLOURS[part] for part in table["part"]]
        )
        .legend(orient="bottom", columns=columns, labelLimit=240)
    )
    bar: vl.Chart = (
        vl.Chart(table)
        .mark_bar(size=26)
        .encode(
            x=vl.X("milliseconds:Q", title="milliseconds of one step").scale(
                nice=False, domain=[0, float(table["milliseconds"].sum())]
            ),
            color=colour,
            order="order:Q",
            tooltip=[
                vl.Tooltip("part:N"),
                vl.Tooltip("milliseconds:Q", format=".3f"),
                vl.Tooltip("share:Q", format=".1%"),
            ],
        )
        # Streamlit counts the axis and the legend in.
        .properties(height=180)
    )
    return bar
