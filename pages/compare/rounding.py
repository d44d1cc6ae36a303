"""What rounding costs: a part of the Compare page, about the model in the sidebar."""

from typing import Final

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import QuantizationConfig, standard_quantization
from minigpt.interpret.weights.rounding_cost import matrix_names, rise_of_each
from minigpt.interpret.weights.rounding_pictures import (
    RowSteps,
    grid_picture,
    row_steps,
)
from minigpt.quantization import QuantizedLinear, rounded
from minigpt.quantization.packing import pack_int4
from pages.compare import rounding_numbers as numbers
from pages.compare.numbers import Compared
from pages.frame import notebook, state
from pages.frame.guard import show_note
from pages.frame.remember import identity
from pages.frame.words import plain
from viz.learning.rounding import grid_chart, rise_chart, rise_table, steps_table

GRIDS: Final = {
    "int8": standard_quantization(8),
    "int4": QuantizationConfig(bits=4),
    "int4 in groups of 64": standard_quantization(4),
}
SHOWN = 8
"""Weights of a row that are worked out."""

WORDS = """
A **grid** is a row of equally spaced numbers, and each weight moves to the nearest: by
at most half a step. With 8 bits a grid has up to 256 points, with 4 bits 16; a grid
that reaches as far below zero as above has one point fewer. The largest weight of a row
sets the step for all of them, so one outlier makes its whole row coarse. **Groups**
have grids of their own, and a **zero point** lets a grid begin at its lowest weight.

What is saved is an integer for each weight and a **scale** for each grid. Only weights
are rounded: activations are computed as before, so every hook still sees real numbers.
"""
SOURCES: Final = (rounded, pack_int4, QuantizedLinear)


def show(shown: Compared) -> None:
    """Show a matrix on its grid, and what rounding costs the predictions."""
    checkpoint = shown.after.checkpoint
    name = plain(shown.after.name)
    st.markdown(
        f"**What rounding costs.** To write one token, {name} reads all of its "
        "weights, and each takes four bytes. Most of a large model's time is spent on "
        "fetching them from memory. How much worse does a model predict if each weight "
        "gets one byte, or half of one?"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Grid",
            list(GRIDS),
            default="int4",
            required=True,
            key="grid",
            **state.BOUND,
        )
        names = matrix_names(checkpoint.model)
        state.keep_possible("rounded_matrix", names, "matrix")
        matrix = st.selectbox(
            "Matrix",
            names,
            key="rounded_matrix",
            width=260,
            **state.BOUND,
        )
    config = GRIDS[chosen]
    left, right = st.columns(2, gap="large")
    with left:
        _show_grid(shown, matrix, config)
    with right:
        _show_cost(shown, chosen)


def _show_grid(shown: Compared, matrix: str, config: QuantizationConfig) -> None:
    """Show the weights along their grids, and some of them worked out."""
    weight = numbers.weight_of(shown.after.checkpoint, matrix)
    picture = numbers.picture_of(shown.after.checkpoint, matrix, config)
    used = int((picture.after > 0).sum())
    st.markdown(
        f"**{plain(matrix)}**, {' × '.join(map(str, weight.shape))}, as {config}: "
        f"{used} of {len(picture.points)} points are used."
    )
    st.vega_lite_chart(
        grid_chart(
            (picture.edges, picture.before), (picture.points, picture.after)
        ).spec
    )
    st.caption(
        "Each weight is divided by the scale of its grid, so a step is 1 everywhere."
    )
    notebook.show(
        "grid",
        grid_picture,
        f"grid_picture(after.model.get_submodule({matrix!r}).weight, {_call(config)})"
        ".after",
        drawn=picture.after,
        begin=shown.opening,
        also=[QuantizationConfig],
    )
    with st.expander("The first weights, worked out", icon=":material/calculate:"):
        _show_row(row_steps(weight, 0, config), config)


def _show_row(row: RowSteps, config: QuantizationConfig) -> None:
    """Show the first weights of a row, from what they were to what they become."""
    st.caption(
        f"Row 0{', first group' * bool(config.group_size)}: "
        f"scale s = {row.scale:.4g}"
        + (f", zero point z = {row.zero_point}" if config.zero_point else "")
    )
    st.dataframe(
        steps_table(
            {
                "weight": row.weight[:SHOWN],
                "weight / s + z": row.steps[:SHOWN],
                "integer q": row.integers[:SHOWN],
                "s (q − z)": row.rounded[:SHOWN],
            }
        ),
        hide_index=True,
    )


def _show_cost(shown: Compared, chosen: str) -> None:
    """Let the reader measure, and show what was measured."""
    checkpoint = shown.after.checkpoint
    what = identity(checkpoint), chosen
    st.markdown("**What it costs** on text that the model did not learn from")
    if not numbers.can_measure(checkpoint):
        show_note("This model is too large to be rounded while you wait.")
        return
    if st.button("Measure", icon=":material/timer:", key="measure_rounding"):
        st.session_state["_rounding"] = what
    if st.session_state.get("_rounding") != what:
        st.caption(
            "The whole model is rounded to every grid, then one matrix at a time to "
            f"the grid {chosen}."
        )
        return
    whole, rises = _measure(checkpoint, GRIDS[chosen])
    st.dataframe(numbers.whole_table(whole), hide_index=True)
    st.caption(f"One matrix alone as {chosen}, all others as they were:")
    st.vega_lite_chart(rise_chart(rises).spec)
    notebook.show(
        "rounding",
        rise_of_each,
        f"rise_of_each(after.model, windows, {_call(GRIDS[chosen])})",
        drawn=rises,
        begin=numbers.opening(shown),
        also=[QuantizationConfig],
    )
    with st.expander("Every matrix", icon=":material/table:"):
        st.dataframe(rise_table(rises), hide_index=True)
    show_note(
        "The times are for this computer and a model of this size. Reading fewer bytes "
        "saves time only where the weights do not fit into the processor's cache: from "
        "some ten million weights on."
    )


def _measure(
    checkpoint: Checkpoint, config: QuantizationConfig
) -> tuple[list[numbers.WholeCost], dict[str, float]]:
    """Round the whole model to each grid, then each matrix, and say how far it is."""
    names = matrix_names(checkpoint.model)
    todo = 1 + len(GRIDS) + len(names)
    whole: list[numbers.WholeCost] = []
    rises: dict[str, float] = {}
    bar = st.progress(0.0, "Measuring …")
    for label in ("float32", *GRIDS):
        whole.append(numbers.cost_of_whole(checkpoint, label, GRIDS.get(label)))
        bar.progress(len(whole) / todo, f"The whole model as {label}")
    for name in names:
        rises[name] = numbers.rise_of(checkpoint, name, config)
        bar.progress((len(whole) + len(rises)) / todo, name)
    bar.empty()
    return whole, rises


def _call(config: QuantizationConfig) -> str:
    """Return the expression that makes a grid."""
    return (
        f"QuantizationConfig(bits={config.bits}, group_size={config.group_size}, "
        f"zero_point={config.zero_point})"
    )
