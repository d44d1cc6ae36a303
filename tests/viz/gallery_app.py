"""Every component once, on hand-made data, for a browser to try.

The text under each view is what Python was told; the tests read it.
"""

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this file's folder on the path, not the repository.
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from gallery_data import (
    COUNT,
    HEADS,
    LAYERS,
    PIECES,
    made_up_patterns,
    made_up_steps,
    made_up_values,
)

from viz.attention import pattern_table
from viz.components.attention_heatmap.view import attention_heatmap
from viz.components.head_grid.view import ScoreBars, head_grid
from viz.components.head_lines.view import head_lines
from viz.components.token_pieces.view import token_pieces
from viz.components.token_stream.view import token_stream
from viz.components.value_grid.view import Grid, value_grid
from viz.tokens import display_pieces
from viz.vega_lite.lettering import enlarged

st.set_page_config(layout="wide")
show = st.query_params.get("show", "all")
if st.query_params.get("large"):
    st.html("<style>html { font-size: 20px !important; }</style>")
size = int(st.query_params.get("size", "0"))
pieces = PIECES if not size else [PIECES[i % COUNT] for i in range(size)]
layers, heads = (LAYERS, HEADS) if not size else (12, 12)
patterns = made_up_patterns(len(pieces), layers, heads)

if show in {"all", "grid"}:
    picked = head_grid(
        patterns,
        (0, 0),
        key="grid",
        bars=ScoreBars(patterns.max(-1).mean(-1), "peak"),
    )
    st.text(f"grid says {picked}")
if show in {"all", "heatmap"}:
    picked = attention_heatmap(pieces, patterns[0, 1], key="heatmap")
    st.text(f"heatmap says {picked}")
    if show == "heatmap":
        st.dataframe(pattern_table(pieces, patterns[0, 1]))
if show in {"all", "lines"}:
    picked = head_lines(pieces, patterns[0], (0, 1), key="lines")
    st.text(f"lines says {picked}")
if show in {"all", "pieces"}:
    ids = [7 * len(piece) + ord(piece[-1]) for piece in pieces]
    picked = token_pieces(
        pieces, ids, key="pieces", show_ids=bool(st.query_params.get("ids"))
    )
    st.text(f"pieces says {picked}")
if show in {"all", "values"}:
    values = made_up_values(LAYERS if not size else 48, len(pieces))
    signed = not st.query_params.get("unsigned")
    grid = Grid(
        values if signed else np.abs(values),
        rows=[f"layer {layer}" for layer in range(len(values))],
        columns=display_pieces(pieces),
        row_title="layer",
        column_title="token",
        unit="logit",
        signed=signed,
        texts=[list(pieces)] * len(values) if st.query_params.get("texts") else None,
    )
    picked = value_grid(grid, key="values")
    st.text(f"values says {picked}")
if show in {"all", "stream"}:
    choice = token_stream(made_up_steps(), key="stream", prompt="Once there was")
    st.text(f"stream says {choice.selected}")
    if choice.force:
        st.session_state["forced"] = tuple(choice.force)
    st.text(f"forced {st.session_state.get('forced')}")
if show == "charts":
    import gallery_charts

    for chart in gallery_charts.charts():
        st.vega_lite_chart(
            (enlarged(chart) if st.query_params.get("large") else chart).spec
        )
