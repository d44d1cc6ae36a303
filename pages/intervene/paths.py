"""Paths: what one head tells another head, or the logits, with all else frozen."""

from collections.abc import Sequence
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.patching import Prompts
from minigpt.interpret.interventions.path_patching import (
    logit_paths,
    patch_paths,
    path_map,
    receivers,
)
from minigpt.interpret.interventions.paths import Path, Through, read_path
from minigpt.interpret.interventions.prompt_pairs import EXCHANGED
from minigpt.model import TransformerLM
from pages.frame import models, notebook, state
from pages.frame.remember import remember
from pages.frame.words import number, plain
from pages.intervene import numbers, prompts
from pages.intervene.path_list import FAINT, Maps, choose_paths
from pages.intervene.prompts import Patching
from viz.circuits.path_graph import DrawnPath, path_graph
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import before_after_bars
from viz.tokens import display_piece

WORDS = (
    "Patching a head's z changes everything that reads it. A **path** is narrower: "
    "what one head writes on the other prompt reaches **one** receiver, through its "
    "queries, keys or values, or goes straight to the logits. Every head and MLP "
    "between the two is frozen. The receiver is computed anew, and then the model runs "
    "on. **1**: this path alone moves the answer all the way to the other prompt's; "
    "**0**: the difference does not travel along it. Add paths to see whether together "
    "they are the whole story. Weights show what a path could carry; patching it shows "
    "what it does carry."
)

THROUGH: dict[str, Through] = {"queries (Q)": "q", "keys (K)": "k", "values (V)": "v"}
FIRST = "keys (K)"
"""Of a receiver, where nobody chose."""

MAP, TOLD, GRAPH = "path_map", "path_told", "path_graph"
"""The regions of the page, by their keys."""

SIDE_BY_SIDE = 16
"""Receivers that have room in one table; of more, one layer is shown at a time."""
DRAWN = 40
"""Lines in the graph at most."""


def choose(checkpoint: Checkpoint, row: DeltaGenerator) -> Patching | None:
    """Show two prompts; None if a large model's reader has not asked to begin."""
    return prompts.choose(checkpoint, row, EXCHANGED, "Patch every path in turn")


def show(checkpoint: Checkpoint, patching: Patching) -> None:
    """Show every path between two heads, and what some of them do together."""
    model = checkpoint.model
    choices = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    through = THROUGH[
        choices.segmented_control(
            "The receiver's",
            list(THROUGH),
            default=FIRST,
            required=True,
            key="path_through",
            **state.BOUND,
        )
    ]
    with choices:
        patching = prompts.choose_tokens(checkpoint, patching)
    maps = measure(checkpoint, patching.prompts, through)
    left, right = st.columns([6, 5], gap="large")
    with left:
        _show_map(model, maps)
        _show_code(patching.prompts, maps)
    with right, st.container(key=TOLD):
        _show_chosen(checkpoint, patching, maps)
    _show_graph(model, maps)


def measure(checkpoint: Checkpoint, both: Prompts, through: Through) -> Maps:
    """Patch every path alone, layer by layer; what was done once is kept."""
    model = checkpoint.model
    direct = _direct(model, both)

    def into(layer: int) -> dict[Path, float]:
        found = _into(model, both, through, layer)
        senders, heads, groups = found.shape
        return {
            Path(Head(at, head), Head(layer, to), through): float(found[at, head, to])
            for at in range(senders)
            for head in range(heads)
            for to in range(groups)
        }

    moved: dict[Path, float] = {}
    for some in numbers.layer_by_layer(checkpoint, into):
        moved |= some
    layers, heads = direct.shape
    for layer in range(layers):
        for head in range(heads):
            moved[Path(Head(layer, head))] = float(direct[layer, head])
    return Maps(through, moved)


def _show_map(model: TransformerLM, maps: Maps) -> None:
    """Show senders by receivers; a click adds a path to the list, or takes it out."""
    config = model.config
    senders = [Head(at, n) for at, n in _places(config.num_layers, config.num_heads)]
    columns = [*_receivers(model, maps.through), None]
    if config.num_layers == 1:
        st.caption(
            "This model has one layer: no head reads what another one has written."
        )
    paths = [[_path(sender, to, maps.through) for to in columns] for sender in senders]
    values = [
        [float("nan") if path is None else maps.moved[path] for path in line]
        for line in paths
    ]
    grid = Grid(
        values,
        rows=[str(sender) for sender in senders],
        columns=["logits" if to is None else str(to) for to in columns],
        unit="of the way to the other answer",
        row_title="sender",
        column_title="receiver",
        signed=True,
        limit=1.0,
        shrinks=True,
    )

    def toggle(cell: tuple[int, int] | None) -> None:
        path = None if cell is None else paths[cell[0]][cell[1]]
        if path is not None:
            now = list(st.session_state.get("paths", []))
            name = str(path)
            now.remove(name) if name in now else now.append(name)
            st.session_state["paths"] = now

    value_grid(grid, key=MAP, on_select=toggle)
    st.caption(
        "A row writes, a column reads. Click a cell to add its path to the list."
        + _grouped(model, maps.through)
    )


def _show_code(both: Prompts, maps: Maps) -> None:
    """Offer the lines that patch every path between two heads."""
    notebook.show(
        "paths",
        path_map,
        f"[share for layer in range(model.config.num_layers) for share in "
        f"path_map(model, {both}, {maps.through!r}, layer).ravel().tolist()]",
        drawn=[share for path, share in maps.moved.items() if path.receiver],
        also=[Prompts],
    )


def _show_chosen(checkpoint: Checkpoint, patching: Patching, maps: Maps) -> None:
    """Show what the paths in the list do together, or else the strongest alone."""
    chosen = choose_paths(checkpoint.model, maps)
    is_listed = bool(chosen)
    if not chosen:
        chosen = [maps.strongest]
    both, tokenizer = patching.prompts, checkpoint.tokenizer
    found = together(checkpoint.model, both, chosen)
    answer, rival = (
        f"**{plain(display_piece(piece))}**"
        for piece in tokenizer.pieces([both.answer, both.rival])
    )
    before, after = found.effect.before, found.effect.after
    alone = sum(maps.moved.get(path, 0.0) for path in chosen)
    one = f"**{plain(str(chosen[0]))}**"
    if not is_listed:
        one += f", the strongest path{_kind(chosen[0])},"
    who = f"{one} moves" if len(chosen) == 1 else f"The {len(chosen)} paths move"
    summed = (
        f" (each alone, summed: {number(alone, 3)})" if _all_in(chosen, maps) else ""
    )
    st.markdown(
        f"{who} the answer **{number(found.moved, 3)}** of the way{summed}: {answer} "
        f"{before[both.answer]:.3f} → {after[both.answer]:.3f}, {rival} "
        f"{before[both.rival]:.3f} → {after[both.rival]:.3f}."
    )
    pieces = models.vocabulary(tokenizer)
    st.vega_lite_chart(before_after_bars(pieces, before, after, 5).spec)
    notebook.show(
        "some paths",
        patch_paths,
        f"patch_paths(model, {both}, "
        f"[read_path(path) for path in {[str(path) for path in chosen]}]).moved",
        drawn=found.moved,
        also=[Prompts, read_path],
    )


def _show_graph(model: TransformerLM, maps: Maps) -> None:
    """Draw the paths that move the answer, farthest first if they are many."""
    config = model.config
    ranked = sorted(maps.moved, key=lambda path: -abs(maps.moved[path]))
    group = config.num_heads // receivers(model, maps.through)
    lines = [
        DrawnPath(
            (path.sender.layer, path.sender.head),
            path.receiver and (path.receiver.layer, path.receiver.head * group),
            maps.moved[path],
        )
        for path in ranked[:DRAWN]
        if abs(maps.moved[path]) >= FAINT
    ]
    chart = path_graph((config.num_layers, config.num_heads), lines)
    with st.container(key=GRAPH):
        st.vega_lite_chart(chart.spec)
    st.caption(
        "The wider a line, the farther its path moves the answer: blue toward the "
        "other prompt's, orange away from it. Point at a line for its share."
        + " A line to a group ends at the first of its heads."
        * (group > 1)
    )


def _receivers(model: TransformerLM, through: Through) -> list[Head | None]:
    """Return the columns of the table; of many layers, those of a chosen one."""
    layers, count = model.config.num_layers, receivers(model, through)
    shown: Sequence[int] = range(1, layers)
    if len(shown) * count > SIDE_BY_SIDE:
        state.keep_possible("path_layer", list(shown), "layer")
        chosen = st.segmented_control(
            "The receiver's layer",
            list(shown),
            default=layers - 1,
            required=True,
            key="path_layer",
            **state.BOUND,
        )
        shown = [cast(int, chosen)]
    return [Head(layer, number) for layer in shown for number in range(count)]


def _path(sender: Head, receiver: Head | None, through: Through) -> Path | None:
    if receiver is None:
        return Path(sender)
    return Path(sender, receiver, through) if receiver.layer > sender.layer else None


def _places(layers: int, heads: int) -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(layers) for head in range(heads)]


def _all_in(chosen: Sequence[Path], maps: Maps) -> bool:
    return len(chosen) > 1 and all(path in maps.moved for path in chosen)


def _kind(path: Path) -> str:
    """Say among which paths one is the strongest: others may move the answer more."""
    if path.receiver is None:
        return " to the logits"
    words = {"q": "queries", "k": "keys", "v": "values"}
    return f" to another head's {words[path.through or 'k']}"


def _grouped(model: TransformerLM, through: Through) -> str:
    count, heads = receivers(model, through), model.config.num_heads
    if count == heads:
        return ""
    return (
        f" In this model, {heads // count} heads share their keys and values: a "
        "receiver is such a group, and H0 is the first group."
    )


_direct = remember(64)(logit_paths)
_into = remember(512, spinner=numbers.RUNNING)(path_map)
together = remember(128)(patch_paths)
"""What some paths do when they are patched together."""
