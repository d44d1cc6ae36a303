"""One step in a matrix that one can see: weight, gradient, update, new weight."""

import operator

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.arithmetic import spell_step
from minigpt.interpret.learning.matrices import Matrix, busiest, matrices_of
from minigpt.interpret.learning.steps import MatrixStep
from minigpt.textbook.learning import first_step
from pages.frame import notebook, state
from pages.frame.place import dotted, linked, undotted, write
from pages.learning.numbers import Prompt, begin_with, step_of
from pages.learning.settings import Chosen
from viz.components.value_grid.view import value_grid
from viz.learning.grids import matrix_grid

ARITHMETIC, CELL = "learning_arithmetic", "_weight_cell"
"""The key of the lines of one weight, and in the session: the cell they are about."""

SHOWN = 5, 6
"""Rows and columns of a matrix that are shown."""


def choose_matrix(checkpoint: Checkpoint) -> Matrix:
    """Show the matrices by their names, with layer and head."""
    config = checkpoint.model.config
    with st.container(horizontal=True):
        layer = _choose("layer", config.num_layers)
        heads = getattr(config, "num_heads", 0)
        head = _choose("head", heads) if heads else 0
        found = matrices_of(checkpoint.model, layer, head)
        state.keep_possible("matrix", list(found), "matrix")
        name = st.selectbox(
            "Matrix",
            list(found),
            index=list(found).index(begin_with(list(found))),
            key="matrix",
            width=180,
            **state.BOUND,
        )
    return found[name]


def _choose(key: str, size: int) -> int:
    state.keep_possible(key, range(size), key)
    chosen: int = st.number_input(
        key.capitalize(), 0, size - 1, 0, key=key, width=104, **state.BOUND
    )
    return chosen


def show(
    checkpoint: Checkpoint, prompt: Prompt, chosen: Chosen, matrix: Matrix
) -> None:
    """Show the part of the matrix where most happens, and one cell's arithmetic."""
    step = step_of(checkpoint, prompt.tokens, chosen.rule, matrix)
    rows, columns = (each.tolist() for each in busiest(step.gradient, *SHOWN))
    here = matrix, prompt.tokens, chosen.rule
    cell = _chosen_cell(here, (len(rows), len(columns)))

    def pick(place: tuple[int, int] | None) -> None:
        st.session_state[CELL] = (here, place)

    arrays = {
        "weight": step.weight,
        "gradient": step.gradient,
        "update": step.update,
        "weight afterwards": step.after,
    }
    for what, place in zip(arrays, [*st.columns(2), *st.columns(2)], strict=True):
        with place:
            st.markdown(f"**{what}**")
            part = arrays[what][rows][:, columns]
            value_grid(
                matrix_grid(part, rows, columns, what),
                key=f"matrix_{what}",
                selected=cell or (0, 0),
                on_select=pick,
            )
    row, column = cell or (0, 0)
    with st.container(key=ARITHMETIC):
        show_arithmetic(step, rows[row], columns[column])
    notebook.show(
        "the step",
        first_step,
        f"first_step(model, tokens, {matrix.parameter!r}, {step.rule!r}, "
        f"{step.settings['lr']!r})[{_slices(matrix)}][{rows}][:, {columns}]",
        drawn=step.after[rows][:, columns],
    )


def _chosen_cell(here: object, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return the cell that was clicked in this very step; the URL is kept in step."""

    def read(word: str) -> tuple[object, tuple[int, ...]]:
        cell = undotted(word)
        if len(cell) != 2 or not all(map(operator.lt, cell, size)):
            raise ValueError(f"{word!r} is not a cell of what is shown.")
        return here, cell

    kept, picked = linked("cell", CELL, read) or (None, None)
    cell: tuple[int, int] | None = picked if kept == here else None
    write("cell", cell and dotted(cell))
    return cell


def show_arithmetic(step: MatrixStep, row: int, column: int) -> None:
    """Show how one weight came to its new value."""
    st.caption(
        f"{step.matrix.name}, row {row}, column {column}: one step of {step.rule}. "
        "Every other weight has the same lines, with its own numbers."
    )
    lines = [
        f"{line.symbol} = {line.formula}\n  = {line.arithmetic}\n  = {line.value:.4g}"
        for line in spell_step(step, row, column)
    ]
    st.code("\n".join(lines), language=None, wrap_lines=True)


def _slices(matrix: Matrix) -> str:
    return ", ".join(f"{start}:{end}" for start, end in (matrix.rows, matrix.columns))
