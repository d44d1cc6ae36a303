"""What each window of a training did for a head, and the head without some of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, GRAY, ORANGE, VERMILLION

HELPED, HELD_BACK, OTHERS = "helped most", "held back most", "others"

ORIGINAL, WITHOUT_TOP, WITHOUT_RANDOM = (
    "the run, as it was",
    "without the windows that helped most",
    "without as many at random",
)

_MOST_POINTS: Final = 3000
_COLOURS: Final = {HELPED: BLUE, HELD_BACK: VERMILLION, OTHERS: GRAY}
_LINES: Final = {ORIGINAL: BLUE, WITHOUT_TOP: VERMILLION, WITHOUT_RANDOM: ORANGE}


def influence_table(influence: Array, marked: int) -> pd.DataFrame:
    """Return a row per window: columns step, row, influence, kind.

    Of very many windows, some of those in between are left out.

    Args:
        influence: [step row]
        marked: How many to mark at either end.
    """
    steps, rows = np.indices(influence.shape)
    order = np.argsort(-np.asarray(influence, np.float64), axis=None, kind="stable")
    kinds = np.full(influence.size, OTHERS, dtype=object)
    kinds[order[:marked]] = HELPED
    kinds[order[len(order) - marked :]] = HELD_BACK
    middle = order[marked : len(order) - marked]
    middle = middle[:: max(1, len(middle) // _MOST_POINTS)]
    kept = np.concatenate([middle, order[:marked], order[len(order) - marked :]])
    table = pd.DataFrame(
        {
            "step": steps.ravel(),
            "row": rows.ravel(),
            "influence": np.asarray(influence, dtype=np.float64).ravel(),
            "kind": kinds,
        }
    )
    return table.iloc[kept].reset_index(drop=True)


def influence_chart(influence: Array, marked: int, *, height: int = 260) -> vl.Chart:
    """Draw every window by the step that read it and by what it did for the head.

    Args:
        influence: [step row]
        marked: How many to mark at either end.
        height: In pixels.
    """
    table = influence_table(influence, marked)
    chart: vl.Chart = (
        vl.Chart(table)
        .mark_point(filled=True, size=26, opacity=0.75)
        .encode(
            x=vl.X(
                "step:Q", title="step that read the window", axis={"labelFlush": True}
            ),
            y=vl.Y("influence:Q", title="influence on the score"),
            color=vl.Color("kind:N", title=None)
            .scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
            .legend(orient="top", labelLimit=220),
            tooltip=[
                "step:Q",
                "row:Q",
                vl.Tooltip("influence:Q", format="+.3g"),
                vl.Tooltip("kind:N"),
            ],
        )
        .properties(height=height)
    )
    return chart


def growth_table(
    lines: Mapping[str, tuple[Sequence[int], Sequence[float]]],
) -> pd.DataFrame:
    """Return the points of `growth_chart`: columns step, score, training."""
    parts = [
        pd.DataFrame({"step": steps, "score": scores, "training": name})
        for name, (steps, scores) in lines.items()
    ]
    return pd.concat(parts, ignore_index=True)


def growth_chart(
    lines: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    level: float,
    *,
    height: int = 260,
) -> vl.LayerChart:
    """Draw a head's score over the steps of several trainings.

    Args:
        lines: Steps and scores by `ORIGINAL`, `WITHOUT_TOP` and `WITHOUT_RANDOM`.
        level: The score at which the head has formed: a dashed line across.
        height: In pixels.
    """
    table = growth_table(lines)
    colours = {name: _LINES[name] for name in lines}
    curves = (
        vl.Chart(table)
        .mark_line(strokeWidth=2.2)
        .encode(
            x=vl.X("step:Q", title="step"),
            y=vl.Y("score:Q", title="score (share of weight)").scale(domain=[0, 1]),
            color=vl.Color("training:N", title=None)
            .scale(domain=list(colours), range=list(colours.values()))
            .legend(orient="top", direction="vertical", labelLimit=280),
            tooltip=["training:N", "step:Q", vl.Tooltip("score:Q", format=".3f")],
        )
    )
    rule = (
        vl.Chart(pd.DataFrame({"level": [level], "what": ["the head has formed"]}))
        .mark_rule(strokeDash=[5, 4], color=GRAY)
        .encode(y="level:Q", tooltip=["what:N", vl.Tooltip("level:Q", format=".3f")])
    )
    return vl.LayerChart(layer=[curves, rule], height=height)
