"""How far fine-tuning moved each matrix, and one change as a product: B times A."""

import operator
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.changed_weights import Moved
from minigpt.finetuning.inspection.low_rank import (
    LowRank,
    adapter_product,
    nearest_product,
    weight_at,
)
from minigpt.textbook.finetuning import matrix_changes
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame import notebook
from pages.frame.guard import guard, show_note
from pages.frame.place import dotted, linked, undotted, write
from pages.frame.words import count, plain
from viz.components.low_rank.view import low_rank
from viz.components.value_grid.view import Grid, value_grid

MATRIX = "_moved_matrix"
"""In the session: the layer and the column of the chosen matrix."""


def show(shown: Both) -> None:
    """Show the share of each matrix that moved, and beside it one as a product."""
    found = numbers.moved_weights(shown)
    left, right = st.columns(2, gap="large")
    with left:
        layer, column = _show_shares(shown, found)
    with right, guard():
        _show_product(shown, found, layer, found.matrices[column])


def _show_shares(shown: Both, found: Moved) -> tuple[int, int]:
    """Show ‖ΔW‖ / ‖W‖ of every matrix, and return the one that is chosen."""
    st.markdown(_touched_in_words(found))
    layers = len(found.relative)
    chosen = linked("moved", MATRIX, undotted)
    size = layers, len(found.matrices)
    is_cell = chosen and len(chosen) == 2 and all(map(operator.lt, chosen, size))
    write("moved", dotted(chosen) if is_cell else None)
    if not is_cell:
        chosen = found.largest
    grid = Grid(
        found.relative,
        rows=[f"layer {layer}" for layer in range(layers)],
        columns=found.matrices,
        unit="‖ΔW‖ / ‖W‖",
        digits=3,
        sentences=_sentences(found),
        texts=[
            [f"{value:.3f}" if value else "·" for value in row]
            for row in found.relative.tolist()
        ],
    )
    value_grid(grid, key="moved_share", selected=chosen, on_select=_choose)
    with st.container(horizontal=True):
        notebook.show(
            "moved weights",
            matrix_changes,
            "matrix_changes(before.model, after.model)",
            drawn=found.relative.tolist(),
            begin=shown.opening,
            also=[ready_to_chat],
        )
        with st.popover("Everything else", icon=":material/table:", type="tertiary"):
            rows = [
                {"weight": name, "‖ΔW‖ / ‖W‖": value}
                for name, value in found.others.items()
            ]
            st.dataframe(rows, hide_index=True)
    return chosen


def _sentences(found: Moved) -> list[list[str]]:
    """Say of each matrix how far it moved."""
    return [
        [
            f"{name} of layer {layer}: "
            + (f"changed by {value:.2%} of its norm" if value else "not changed")
            for name, value in zip(found.matrices, row, strict=True)
        ]
        for layer, row in enumerate(found.relative.tolist())
    ]


def _touched_in_words(found: Moved) -> str:
    share = found.touched / found.total
    if found.touched == found.total:
        return f"All **{count(found.total)}** weights changed, none of them by much."
    left = count(found.total - found.touched)
    return (
        f"Fine-tuning changed matrices that hold **{share:.0%}** of the weights; "
        f"**{left} weights did not change** (·)."
    )


def _show_product(shown: Both, found: Moved, layer: int, matrix: str) -> None:
    """Show one matrix's change as B times A."""
    if not found.relative[layer, found.matrices.index(matrix)]:
        show_note(f"{matrix} of layer {layer} did not change: ΔW is all zeros.")
        return
    product = numbers.product(shown, layer, matrix)
    st.markdown(_product_in_words(product, layer, matrix))
    cell = low_rank(
        product.b,
        product.a,
        name=f"ΔW of {matrix} in layer {layer}",
        key=f"product_{layer}_{matrix}",
        selected=(0, 0),
    )
    st.code(
        _weight_in_words(shown, product, layer, matrix, cell or (0, 0)),
        language=None,
        wrap_lines=True,
    )
    _show_code(shown, product, layer, matrix)


def _product_in_words(product: LowRank, layer: int, matrix: str) -> str:
    (rows, rank), columns = product.b.shape, product.a.shape[1]
    thin = rank * (rows + columns)
    if product.is_adapter:
        return (
            f"**{plain(matrix)}, layer {layer}.** ΔW = B·A: **{thin:,}** learned "
            f"numbers change {rows * columns:,} weights."
        )
    return (
        f"**{plain(matrix)}, layer {layer}.** All weights were trained. Even so, "
        f"the nearest product of rank {rank}, with {thin:,} numbers, holds "
        f"**{product.held:.0%}** of ‖ΔW‖²."
    )


def _weight_in_words(
    shown: Both, product: LowRank, layer: int, matrix: str, cell: tuple[int, int]
) -> str:
    """Say what one weight was, what was added, and what it is."""
    row, column = cell
    old, new = weight_at(shown.before.model, shown.after.model, layer, matrix, cell)
    terms = [
        f"{one:+.4f}·{other:+.4f}"
        for one, other in zip(product.b[row], product.a[:, column], strict=True)
    ]
    shown_terms = " + ".join(terms[:4]) + (" + …" if len(terms) > 4 else "")
    change = float(product.b[row] @ product.a[:, column])
    is_near = "=" if product.is_adapter else "≈"
    return (
        f"{matrix}[{row}, {column}] was {old:+.5f} and is {new:+.5f}\n"
        f"ΔW[{row}, {column}] = {new - old:+.5f} {is_near} (B·A)[{row}, {column}] = "
        f"{change:+.5f}\n= {shown_terms}"
    )


def _show_code(shown: Both, product: LowRank, layer: int, matrix: str) -> None:
    arguments = f"{layer}, {matrix!r}"
    function: Callable[..., LowRank | None]
    if product.is_adapter:
        path = f"Path({str(shown.after_path)!r})"
        function = adapter_product
        call = f"adapter_product({path}, after.model.config, {arguments})"
    else:
        rank = product.a.shape[0]
        function = nearest_product
        call = f"nearest_product(before.model, after.model, {arguments}, {rank})"
    notebook.show(
        "low rank",
        function,
        f"{call}.change",
        drawn=product.change,
        begin=shown.opening,
        also=[Path, ready_to_chat],
    )


def _choose(cell: tuple[int, int] | None) -> None:
    if cell is not None:
        st.session_state[MATRIX] = cell
