"""The residual stream through all blocks: its length, and what each part adds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.attention import Array
from viz.theme import BLUE, GRAY, GREEN, PURPLE

COLOURS = {"embedding": PURPLE, "attention": BLUE, "MLP": GREEN}
STREAM = "stream afterwards"


def stream_table(
    names: Sequence[str], kinds: Sequence[str], added: Array, stream: Array
) -> pd.DataFrame:
    """Return one row per part, in the order of the model: the table behind the chart.

    Args:
        names: `embedding`, `L0 attention`, `L0 MLP`, …
        kinds: `embedding`, `attention` or `MLP`, as many.
        added: Length of what the part adds, [part].
        stream: Length of the stream afterwards, [part].

    Returns:
        Columns order, part, kind, added, stream.

    Raises:
        ValueError: If the lengths differ, or a kind is unknown.
    """
    if not len(names) == len(kinds) == len(added) == len(stream):
        raise ValueError(
            f"{len(names)} names, {len(kinds)} kinds, {len(added)} parts added and "
            f"{len(stream)} lengths of the stream: there must be as many of each."
        )
    unknown = sorted(set(kinds) - set(COLOURS))
    if unknown:
        raise ValueError(
            f"A part is one of {', '.join(COLOURS)}, not {', '.join(unknown)}."
        )
    return pd.DataFrame(
        {
            "order": range(len(names)),
            "part": list(names),
            "kind": list(kinds),
            "added": np.asarray(added, dtype=np.float64),
            "stream": np.asarray(stream, dtype=np.float64),
        }
    )


def stream_chart(
    names: Sequence[str],
    kinds: Sequence[str],
    added: Array,
    stream: Array,
    layer: int | None = None,
) -> vl.LayerChart:
    """Draw what each part adds as bars, and the stream's length as a line above them.

    Args:
        names: See `stream_table`.
        kinds: See `stream_table`.
        added: See `stream_table`.
        stream: See `stream_table`.
        layer: The block to highlight: the others' bars are fainter.

    Raises:
        ValueError: See `stream_table`.
    """
    table = stream_table(names, kinds, added, stream)
    known = [kind for kind in COLOURS if kind in set(kinds)]
    here = [name.startswith(f"L{layer} ") for name in table["part"]]
    table["here"] = [layer is None or chosen for chosen in here]
    tooltip = [
        vl.Tooltip("part:N"),
        vl.Tooltip("added:Q", title="adds, length", format=".3f"),
        vl.Tooltip("stream:Q", title="stream afterwards, length", format=".3f"),
    ]
    x = vl.X("part:N", sort=None, title=None).axis(labelAngle=-40, labelOverlap=True)
    base = vl.Chart(table).encode(x=x, tooltip=tooltip)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        y=vl.Y("added:Q", title="length of the vector"),
        color=vl.Color("kind:N", title=None, sort=None)
        .scale(domain=[*known, STREAM], range=[*(COLOURS[k] for k in known), GRAY])
        .legend(orient="top", columns=2),  # a phone has no room for four
        opacity=vl.when(vl.datum.here).then(vl.value(1.0)).otherwise(vl.value(0.45)),
    )
    line = base.mark_line(point={"size": 45}, strokeWidth=3).encode(
        y="stream:Q", color=vl.datum(STREAM)
    )
    chart: vl.LayerChart = (bars + line).properties(height=230)
    return chart
