"""The second part of "Embeddings and positions": every scheme, drawn and measured."""

import math
from functools import partial

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.positions import position_views as views
from minigpt.interpret.reading.prompt import Reading
from minigpt.textbook.positions import biases_of_pairs, rope_scores, rope_speeds
from pages.embeddings import notebook_lines, past_training
from pages.embeddings.numbers import (
    distances_of,
    turning_of,
)
from pages.embeddings.scheme_words import in_words
from pages.frame import notebook, provenance, state
from pages.frame.guard import show_note
from pages.frame.place import dotted, linked, undotted, write
from pages.frame.reading import Place, choose_place
from viz.components.clock_hands.view import TokenVector, clock_hands
from viz.components.value_grid.view import Grid, value_grid
from viz.positions import (
    distance_lines,
    distance_table,
    vector_picture,
)
from viz.tokens import display_piece, placed_pieces

SCHEME, DISTANCE = "embedding_scheme", "embedding_distance"
"""The keys of two figures."""

SHOWN_TOKENS = 6
"""Rows and columns of the matrix of biases: the chosen token and those before it."""


def choose(checkpoint: Checkpoint, reading: Reading) -> tuple[str, Place]:
    """Show the six schemes, the model's own chosen at first, and the place to look at.

    Returns:
        The scheme, and the layer, head and token.
    """
    own = checkpoint.model.config.positional_encoding
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="small")
    scheme = left.segmented_control(
        f"Scheme (this model's: {own})",
        views.SCHEMES,
        default=own,
        required=True,
        # Another model has another scheme of its own: begin there.
        key=f"scheme_of_{own}",
        **state.BOUND,
    )
    with right:
        place = choose_place(reading)
    return str(scheme), place


def show(checkpoint: Checkpoint, reading: Reading, scheme: str, place: Place) -> None:
    """Show a scheme as picture and as consequence, and what lies past the training."""
    if not views.is_known(checkpoint.model, scheme):
        own = checkpoint.model.config.positional_encoding
        show_note(
            f"This model's positions are {own}: it never learned a table for {scheme} "
            "positions, and random numbers would show nothing. Train a model with "
            f"{scheme} positions on the Training page to see one."
        )
        return
    left, right = st.columns([6, 5], gap="medium")
    with left, st.container(key=SCHEME):
        st.markdown(in_words(checkpoint.model.config, scheme))
        _show_picture(checkpoint, reading, scheme, place)
    with right, st.container(key=DISTANCE):
        _show_distance(checkpoint, scheme, place)
    _trace(checkpoint, reading, scheme, place)
    if scheme == checkpoint.model.config.positional_encoding:
        past_training.show(checkpoint)


def _show_picture(
    checkpoint: Checkpoint, reading: Reading, scheme: str, place: Place
) -> None:
    if scheme == "rope":
        _show_clocks(checkpoint, reading, place)
    elif scheme in ("learned", "sinusoidal"):
        _show_vectors(checkpoint, scheme)
    elif scheme == "none":
        show_note(
            "There is nothing to draw: no vector, no rotation, no bias. “Shuffle the "
            "words” shows what such a model can and cannot tell."
        )
    else:
        _show_biases(checkpoint, reading, scheme, place)


def _show_vectors(checkpoint: Checkpoint, scheme: str) -> None:
    config = checkpoint.model.config
    vectors = views.position_vectors(checkpoint.model, scheme, config.max_seq_len)
    st.vega_lite_chart(vector_picture(vectors).spec)
    function, call, _ = notebook_lines.vectors(config, scheme, config.max_seq_len)
    notebook.show("position vectors", function, call, drawn=vectors)


def _show_clocks(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    layer, head, query = place
    key = max(0, query - 1)
    model = checkpoint.model
    turning = turning_of(model, reading.tokens, layer, head, query, key)
    pieces = reading.pieces
    clock_hands(
        TokenVector(turning.query, display_piece(pieces[query]), query),
        TokenVector(turning.key, display_piece(pieces[key]), key),
        turning.speeds,
        key="rope_clocks",
        longest=checkpoint.model.config.max_seq_len,
    )
    config = checkpoint.model.config
    shared = head // (config.num_heads // config.kv_heads)
    places = [(query, key), (query + 10, key + 10), (query + 10, key)]
    notebook.show(
        "clock hands",
        rope_scores,
        f"rope_scores(cache['q', {layer}][0, {query}, {head}], "
        f"cache['k', {layer}][0, {key}, {shared}], {places}, "
        f"{notebook_lines.speeds(config, layer)})",
        drawn=[turning.score(*each) for each in places],
        also=[rope_speeds],
        begin=f"{notebook.opening()}_, cache = model.run_with_cache(tokens)\n",
    )


def _pick_bias(first: int, cell: tuple[int, int] | None) -> None:
    """Remember the cell that was clicked; rows and columns count from the first."""
    st.session_state["_bias_cell"] = None
    if cell is not None:
        st.session_state["_bias_cell"] = (first + cell[0], first + cell[1])
        st.session_state["token"] = first + cell[0]


def _chosen_bias(token: int) -> tuple[int, int] | None:
    """Return the cell that was clicked in this token's row; the URL is kept in step."""
    cell = linked("bias", "_bias_cell", undotted)
    if cell is None or len(cell) != 2 or cell[0] != token:
        write("bias", None)
        return None
    write("bias", dotted(cell))
    return cell[0], cell[1]


def _show_biases(
    checkpoint: Checkpoint, reading: Reading, scheme: str, place: Place
) -> None:
    first = max(0, place.token + 1 - SHOWN_TOKENS)
    last = min(len(reading.tokens), first + SHOWN_TOKENS)
    side = last - first
    added = views.head_bias(checkpoint.model, scheme, place.layer, side)[place.head]
    shown = _without_infinity(added.tolist())

    grid = Grid(
        shown,
        rows=placed_pieces(reading.pieces)[first:last],
        columns=[str(position) for position in range(first, last)],
        unit="logits",
        row_title="reads",
        column_title="is read",
        signed=True,
        digits=1,
    )
    cell = _chosen_bias(place.token)
    is_shown = cell is not None and first <= cell[1] < last
    selected = (cell[0] - first, cell[1] - first) if cell and is_shown else None
    pick = partial(_pick_bias, first)
    value_grid(grid, key="bias_grid", selected=selected, on_select=pick)
    config = checkpoint.model.config
    function, call, _ = notebook_lines.by_distance(config, scheme, place.layer, side)
    notebook.show(
        "biases",
        biases_of_pairs,
        f"biases_of_pairs({call}[{place.head}])",
        drawn=shown,
        also=[function],
    )


def _without_infinity(rows: list[list[float]]) -> list[list[float]]:
    """Leave the cells empty that the mask hides."""
    return [
        [value if math.isfinite(value) else math.nan for value in row] for row in rows
    ]


def _show_distance(checkpoint: Checkpoint, scheme: str, place: Place) -> None:
    config = checkpoint.model.config
    longest = config.max_seq_len
    far = st.toggle(
        "Beyond the training length",
        key="past_training",
        disabled=scheme in ("learned", "none"),
        help=(
            "A learned table ends at the training length, and without positions "
            "there are no distances to draw."
        )
        if scheme in ("learned", "none")
        else f"Distances up to {2 * longest} tokens: the scheme's formula goes on "
        "there.",
        **state.BOUND,
    )
    length = 2 * longest if far and scheme not in ("learned", "none") else longest
    found = distances_of(checkpoint.model, scheme, place.layer, length)
    if found is None:
        st.caption("All distances are the same to it: 1 token back is like 100.")
        return
    heads = len(found.values)
    names = (
        [f"L{place.layer}H{head}" for head in range(heads)] if heads > 1 else [scheme]
    )
    chosen = place.head if heads > 1 else 0
    table = distance_table(found.distances, found.values, names, chosen)
    st.vega_lite_chart(
        distance_lines(table, found.meaning, longest if length > longest else None).spec
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        line = notebook_lines.by_distance(config, scheme, place.layer, length)
        notebook.show("by distance", *line[:2], drawn=found.values, also=line.also)
        st.caption(_say_distance(checkpoint, scheme, place, found))


def _say_distance(
    checkpoint: Checkpoint, scheme: str, place: Place, found: views.Distances
) -> str:
    """Say in a line what the chosen curve comes to."""
    config = checkpoint.model.config
    name = f"L{place.layer}H{place.head}"
    if scheme == "alibi":
        slope = views.slopes(config.num_heads)[place.head]
        cost = f"10 tokens lower the score by {10 * slope:.3g}"
        return f"{name}: slope {slope:.4g} logits per token, so {cost}."
    values = found.values[place.head if len(found.values) > 1 else 0]
    if scheme == "relative":
        best = int(values.argmax())
        return (
            f"{name} adds most at distance {best}: {values[best]:+.3f}. It learned a "
            f"bias for {config.relative_distances} distances; all larger distances "
            "share the last one."
        )
    near = values[min(1, len(values) - 1)]
    return f"1 token apart: {near:.3f}; far apart: {values[-1]:.3f}."


def _trace(checkpoint: Checkpoint, reading: Reading, scheme: str, place: Place) -> None:
    """Show where one number of the model's own scheme comes from."""
    config, (layer, head, token) = checkpoint.model.config, place
    if scheme != config.positional_encoding:
        st.caption(
            f"Drawn with this model's sizes; it uses {config.positional_encoding} "
            "positions itself, so no hook holds these numbers."
        )
        return
    if scheme in ("learned", "sinusoidal"):
        hook, index = "hook_pos_embed", (0, token, 0)
    elif scheme == "rope":
        hook, index = f"blocks.{layer}.attn.hook_rot_q", (0, token, head, 0)
    else:
        cell = _chosen_bias(token)
        key = max(0, token - 1) if cell is None else cell[1]
        hook = f"blocks.{layer}.attn.hook_attn_scores"
        index = (0, head, token, min(key, token))
    provenance.show(checkpoint, reading.tokens, hook, index)
