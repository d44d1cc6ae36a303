"""A head's OV or QK circuit as a picture: every token by every token.

Cells travel as numbers, and the browser looks up the tokens' texts: with both texts in
each of 17,000 cells, 132 tokens would send a megabyte.
"""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.lens_charts import LEAN, NARROW, labelled
from viz.theme import GRAY, signed_scale
from viz.tokens import display_pieces

MOST = 160
"""Tokens along a side: more would not be seen, and 25,000 cells are quick."""

NAMED = 32
"""Tokens along a side whose names there is room for."""

SIDE = 380
"""Pixels."""


def extremes(
    pieces: Sequence[str], values: Array, count: int = 6
) -> tuple[list[str], Array]:
    """Return the largest and the smallest of one row of a map, for `signed_bars`.

    >>> extremes(["a", "b", "c"], np.array([0.5, -2.0, 1.0]), 1)
    (['c +1.00', 'b −2.00'], array([ 1., -2.]))

    Args:
        pieces: A text for each token.
        values: As many numbers.
        count: Of either kind.

    Returns:
        Names, all different, and numbers: the largest first, the smallest last.

    Raises:
        ValueError: If there are not as many values as pieces.
    """
    if len(pieces) != len(values):
        raise ValueError(f"{len(pieces)} pieces, but {len(values)} values.")
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    if len(order) > 2 * count:
        order = np.concatenate([order[:count], order[-count:]])
    shown = np.asarray(values, dtype=np.float64)[order]
    numbers = [f"{value:+.2f}".replace("-", "−") for value in shown]
    return labelled([pieces[token] for token in order], numbers), shown


def map_table(pieces: Sequence[str], values: Array) -> pd.DataFrame:
    """Return the numbers behind a map, a row and a column per token.

    Raises:
        ValueError: If the map is not [token token].
    """
    if np.shape(values) != (len(pieces), len(pieces)):
        raise ValueError(
            f"A map of {len(pieces)} tokens is [{len(pieces)} {len(pieces)}], not "
            f"{list(np.shape(values))}."
        )
    names = labelled(pieces, [""] * len(pieces))
    return pd.DataFrame(np.asarray(values), index=names, columns=names)


def token_map(
    pieces: Sequence[str],
    values: Array,
    titles: tuple[str, str],
    unit: str,
    chosen: int | None = None,
) -> vl.LayerChart:
    """Draw a map as signed cells.

    Args:
        pieces: Token texts, at most `MOST`.
        values: [token token]: rows as in `titles`.
        titles: What the rows are, and the columns.
        unit: What the numbers are.
        chosen: The row to frame.

    Raises:
        ValueError: See `map_table`; or there are too many tokens.
    """
    count = len(map_table(pieces, values))
    if count > MOST:
        raise ValueError(f"A map shows at most {MOST} tokens, not {count}.")
    numbers = np.round(np.asarray(values, dtype=np.float64), 3)
    names = json.dumps(display_pieces(pieces))
    cells = vl.Chart(_cells(numbers)).transform_calculate(
        row_token=f"{names}[datum.row]", column_token=f"{names}[datum.column]"
    )
    axis = {
        "labels": count <= NAMED,
        "labelExpr": f"{names}[datum.value]",
        "labelFont": "monospace",
        "ticks": False,
        "domain": False,
        **LEAN,
    }
    limit = float(np.abs(numbers).max(initial=0.0)) or 1.0
    drawn = cells.mark_rect().encode(
        y=vl.Y("row:O", title=titles[0]).axis(**axis),
        x=vl.X("column:O", title=titles[1]).axis(labelAngle=-90, **axis),
        color=vl.Color("value:Q", title=None)
        .scale(signed_scale(limit))
        .legend(orient="right", gradientLength=180, format=".3~g"),
        tooltip=[
            vl.Tooltip("row_token:N", title=titles[0]),
            vl.Tooltip("column_token:N", title=titles[1]),
            vl.Tooltip("value:Q", title=unit, format="+.3f"),
        ],
    )
    framed = vl.Chart(pd.DataFrame({"row": [] if chosen is None else [chosen]}))
    frame = framed.mark_rect(filled=False, stroke=GRAY, strokeWidth=2).encode(y="row:O")
    both: vl.LayerChart = (drawn + frame).properties(height=SIDE, padding=NARROW)
    return both


def _cells(values: Array) -> pd.DataFrame:
    """Return a row per cell, in few bytes."""
    rows, columns = np.indices(values.shape, dtype=np.int16)
    return pd.DataFrame(
        {
            "row": rows.ravel(),
            "column": columns.ravel(),
            "value": values.astype(np.float32).ravel(),
        }
    )
