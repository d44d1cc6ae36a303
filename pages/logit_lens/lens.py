"""The lens's figures: its grid, and one of the grid's cells close up."""

from functools import partial

import streamlit as st

from minigpt.interpret.stream.logit_lens import Column, Lens, decisive_dimension
from minigpt.textbook import lens as textbook
from pages.frame import provenance, state
from pages.frame.notebook import show
from pages.frame.place import shared_place
from pages.frame.words import plain
from pages.logit_lens.numbers import LensReading
from viz.attribution import signed_bars
from viz.components.value_grid.view import Grid, value_grid
from viz.lens import (
    GridView,
    divergence_view,
    headings,
    probability_view,
    rank_view,
    top_view,
    window,
)
from viz.lens_charts import labelled, top_bars
from viz.tokens import display_piece, placed_pieces

LENS_OF = "lens_logits(model, tokens)"
METRICS = {
    "top token": "{logits}.softmax(-1).amax(-1)",
    "p of A": "{logits}.softmax(-1)[..., {a}]",
    "rank of A": "rank({logits}, {a})",
    "KL": "divergence_from_output({logits})",
}
"""What a cell of the grid can show → the expression that computes it."""
CELL = "lens_cell"
"""The key of the chosen cell, close up."""
ALSO = {"rank of A": [textbook.rank], "KL": [textbook.divergence_from_output]}


def show_lens(
    source: LensReading, column: Column, position: int, pair: tuple[int, int]
) -> None:
    """Show the grid, and beside it the cell that is chosen."""
    lens = source.lens()
    count = len(lens.points)
    point = shared_place("point", range(count), count - 1)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        show_grid(source, lens, (point, position), pair[0])
    with right, st.container(key=CELL):
        show_cell(source, column, lens, (point, position))
    origin = st.expander(
        "Where the chosen cell comes from",
        icon=":material/route:",
        key="lens_origin",
        on_change="rerun",
    )
    if origin.open:
        with origin:
            show_origin(source, column, lens, (point, position))


def pick_cell(first: int, cell: tuple[int, int] | None) -> None:
    """Remember the cell that was clicked; its column counts from the first shown."""
    if cell is None:
        st.session_state.pop("point", None)
    else:
        st.session_state["point"] = cell[0]
        st.session_state["token"] = first + cell[1]


def show_grid(source: LensReading, lens: Lens, chosen: tuple[int, int], a: int) -> None:
    """Show every point and every token; what a cell holds is for the reader to say."""
    point, position = chosen
    figure = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = _choose_metric()
        names = [each.name for each in lens.points]
        columns = window(position, len(source.tokens), len(names))
        view = _view(source, lens, metric, columns, a)
        shown = f"{LENS_OF}[:, {columns.start}:{columns.stop}]"
        show(
            "Lens",
            textbook.lens_logits,
            METRICS[metric].format(logits=shown, a=a),
            drawn=view.numbers,
            also=ALSO.get(metric, []),
        )
    grid = Grid(
        view.values,
        rows=names,
        columns=headings(source.pieces)[columns.start : columns.stop],
        row_title="after",
        column_title="token",
        unit=view.unit,
        texts=view.texts,
        sentences=view.sentences,
        limit=view.limit,
    )
    with figure:
        value_grid(
            grid,
            key="lens_grid",
            selected=(point, position - columns.start),
            on_select=partial(pick_cell, columns.start),
        )
        if len(columns) < len(source.tokens):
            st.caption(
                f"Tokens {columns.start}–{columns.stop - 1} of {len(source.tokens)}: "
                "choose another token above to see the others."
            )


def _choose_metric() -> str:
    metric: str = st.segmented_control(
        "Each cell shows",
        list(METRICS),
        default="top token",
        required=True,
        key="lens_metric",
        label_visibility="collapsed",
        help="Choose what each cell shows: the likeliest token, the probability or "
        "rank of A, or how far the whole distribution is from the model's "
        "output (KL, in nats).",
        **state.BOUND,
    )
    return metric


def show_cell(
    source: LensReading, column: Column, lens: Lens, chosen: tuple[int, int]
) -> None:
    """Show a cell's ten likeliest tokens, and what its point changed."""
    point, position = chosen
    after = plain(display_piece(source.pieces[position]))
    name = lens.points[point].name
    ids = [int(token) for token in column.top(point)]
    probabilities = column.probabilities[point, ids]
    st.markdown(f"**{name}**, after “**{after}**”: the ten likeliest")
    st.vega_lite_chart(top_bars([source.piece(i) for i in ids], probabilities).spec)
    moved = [int(token) for token in column.moved(point)]
    changes = column.change(point)[moved]
    if point == 0:
        st.caption(
            "The embedding is the first point: there is nothing before it to "
            "compare with."
        )
    elif not moved:
        st.caption(f"{name} changes every probability by less than 0.001.")
    else:
        st.markdown(f"Promoted and suppressed by **{name}**")
        pieces = [source.piece(token) for token in moved]
        names = labelled(pieces, [f"{change:+.3f}" for change in changes])
        st.vega_lite_chart(signed_bars(names, changes, "change of probability").spec)
    with st.container(horizontal=True):
        show(
            "Likeliest tokens",
            textbook.lens_logits,
            f"{LENS_OF}[{point}, {position}].softmax(-1).topk({len(ids)}).values",
            drawn=probabilities,
        )
        if moved:
            before_and_after = f"[[{point - 1}, {point}], {position}]"
            show(
                "Promoted and suppressed",
                textbook.lens_logits,
                f"{LENS_OF}{before_and_after}.softmax(-1).diff(dim=0)[0, {moved}]",
                drawn=changes,
            )


def show_origin(
    source: LensReading, column: Column, lens: Lens, chosen: tuple[int, int]
) -> None:
    """Show how the chosen cell's first number was made."""
    point, position = chosen
    token = int(column.top(point, 1)[0])
    hook = lens.points[point].hook
    logit, p = column.logits[point, token], column.probabilities[point, token]
    st.code(
        f"unembed(ln_final({hook}[0, {position}]))[{token}] = {logit:.4f}\n"
        f"softmax(all logits)[{token}] = {p:.4f}",
        language=None,
    )
    model = source.checkpoint.model
    dimension = decisive_dimension(
        model, source.tokens, lens.points[point], position, token
    )
    st.caption(
        f"The lens reads all {model.config.d_model} numbers of the stream. The "
        f"one that contributes most to this token is number {dimension}:"
    )
    provenance.show(source.checkpoint, source.tokens, hook, (0, position, dimension))


def _view(
    source: LensReading, lens: Lens, metric: str, columns: range, a: int
) -> GridView:
    """Return what the grid shows of the columns given."""
    names = [point.name for point in lens.points]
    part = slice(columns.start, columns.stop)
    tokens = placed_pieces(source.pieces)[part]
    if metric == "top token":
        tops = [
            source.checkpoint.tokenizer.pieces(row.tolist())
            for row in lens.top_tokens[:, part, 0]
        ]
        return top_view(names, tokens, tops, lens.top_probabilities[:, part, 0])
    if metric == "KL":
        return divergence_view(names, tokens, lens.kl[:, part])
    path = source.path_of(a)
    if metric == "rank of A":
        return rank_view(names, tokens, source.piece(a), path.rank[:, part])
    return probability_view(names, tokens, source.piece(a), path.probability[:, part])
