"""Token embeddings during training: how similar they became, and where they moved.

Before: `embeddings`, one step of it.
"""

from collections.abc import Sequence

import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.embeddings import component_titles
from viz.lens_charts import LEAN, NARROW, labelled
from viz.theme import CATEGORIES, GRAY, VERMILLION
from viz.tokens import display_piece


def drift_table(
    steps: Sequence[int], pieces: Sequence[str], cosines: Array, paths: Array
) -> pd.DataFrame:
    """Return one row per step and token: the table behind both figures of training.

    Args:
        steps: Of the training.
        pieces: Token texts, the chosen one first.
        cosines: With the chosen one, [step token].
        paths: In the plane, [step token component].

    Raises:
        ValueError: If the shapes do not fit.
    """
    size = (len(steps), len(pieces))
    if cosines.shape != size or paths.shape[:2] != size:
        raise ValueError(
            f"{size[0]} steps of {size[1]} tokens, but cosines of "
            f"{list(cosines.shape)} and paths of {list(paths.shape)}."
        )
    names = labelled(pieces, [""] * len(pieces))
    return pd.DataFrame(
        {
            "step": step,
            "token": name.strip(),
            "cosine": float(cosines[row, column]),
            "c1": float(paths[row, column, 0]),
            "c2": float(paths[row, column, 1]) if paths.shape[2] > 1 else 0.0,
            "order": row,
        }
        for row, step in enumerate(steps)
        for column, name in enumerate(names)
    )


def drift_lines(table: pd.DataFrame, chosen: str, now: int) -> vl.LayerChart:
    """Draw the cosine of some tokens with a chosen one, over the training.

    Args:
        table: From `drift_table`.
        chosen: The chosen token's text.
        now: The step of the time machine.
    """
    others = table[table["token"] != table["token"].iloc[0]]
    lines = (
        vl.Chart(others)
        .mark_line(strokeWidth=2)
        .encode(
            x=vl.X("step:Q", title="training step (root scale)")
            .scale(type="sqrt", nice=False)
            .axis(**LEAN),
            y=vl.Y("cosine:Q", title=f"cosine with {display_piece(chosen)}")
            .scale(zero=False)
            .axis(**LEAN),
            color=_hues(table).legend(orient="top", labelFont="monospace", columns=4),
            tooltip=["token:N", "step:Q", vl.Tooltip("cosine:Q", format=".3f")],
        )
    )
    here = (
        vl.Chart(pd.DataFrame({"step": [now]}))
        .mark_rule(color=GRAY, strokeDash=[4, 3])
        .encode(x="step:Q")
    )
    chart: vl.LayerChart = (lines + here).properties(height=230, padding=NARROW)
    return chart


def drift_paths(
    table: pd.DataFrame, explained: Sequence[float], now: int
) -> vl.LayerChart:
    """Draw the same tokens' paths in the plane of the last step.

    Args:
        table: From `drift_table`.
        explained: Share of the variance along the plane's two directions.
        now: The step of the time machine; there, each token is a named dot.
    """
    first, second = component_titles(explained)
    ways = vl.Chart(table).encode(
        x=vl.X("c1:Q", title=first).scale(zero=False, padding=14).axis(**LEAN),
        y=vl.Y("c2:Q", title=second).scale(zero=False, padding=14).axis(**LEAN),
        tooltip=["token:N", "step:Q"],
    )
    hues = _hues(table).legend(None)
    trails = ways.mark_line(strokeWidth=1.5, opacity=0.6).encode(
        order="order:Q", color=hues
    )
    here = ways.transform_filter(vl.datum.step == now)
    dots = here.mark_circle(size=70, opacity=1).encode(color=hues)
    names = here.mark_text(
        align="left", dx=6, dy=-4, font="monospace", color=GRAY
    ).encode(text="token:N")
    chart: vl.LayerChart = (trails + dots + names).properties(
        height=262, padding=NARROW
    )
    return chart


def _hues(table: pd.DataFrame) -> vl.Color:
    """Return one colour per token, the same in both figures; the chosen one's first."""
    names = list(dict.fromkeys(table["token"]))
    hues = [VERMILLION, *(hue for hue in CATEGORIES if hue != VERMILLION)]
    return vl.Color("token:N", title=None).scale(domain=names, range=hues[: len(names)])
