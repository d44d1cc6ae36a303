"""The graph of a circuit, and the node that is chosen in it."""

from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.nodes import Node, Part, parts_of
from minigpt.interpret.reading.prompt import Reading
from pages.frame import state
from pages.frame.place import dotted, linked, undotted, write
from pages.intervene.circuit_numbers import Proven
from viz.circuits.circuit_graph import (
    PICKED,
    GraphLine,
    circuit_graph,
    line_table,
)
from viz.circuits.node_layout import GraphNode

DRAWN, FAINT = 40, 0.03
"""Lines at most, and the share of the difference below which none is drawn."""

DRAWING = "circuit_drawing"
"""The region of the page that has the graph, by its key."""

EMBEDDINGS = ("pages/embeddings/embeddings.py", "Embeddings")
OPENS = {
    "head": ("pages/head_explorer/head_explorer.py", "Head explorer"),
    "mlp": ("pages/block/block.py", "Multi-head and block"),
    "embedding": EMBEDDINGS,
    "position": EMBEDDINGS,
    "shift": EMBEDDINGS,
}
"""Where each kind of part is looked at."""


class _Drawing(NamedTuple):
    """A circuit as the graph takes it."""

    nodes: list[GraphNode]
    """The last is the answer."""
    lines: list[GraphLine]
    rows: list[str]


def show(
    checkpoint: Checkpoint, reading: Reading, proven: Proven, beside: DeltaGenerator
) -> None:
    """Draw a circuit, and show the chosen node beside it.

    Args:
        checkpoint: The chosen model.
        reading: The prompt.
        proven: Its circuit.
        beside: Where there is room for the node.
    """
    drawing = _drawing(checkpoint, reading, proven)
    chosen = _chosen(proven.circuit.places)
    chart = circuit_graph(*drawing, reading.pieces, chosen)
    with st.container(key=DRAWING):
        st.vega_lite_chart(
            chart.spec, key="circuit_graph", on_select=_pick, selection_mode=PICKED
        )
    st.caption(
        "Blue: for the answer; orange: against it. The wider a line, the more logits. "
        "Click a node to see its lines alone."
    )
    with beside:
        _show_lines(drawing, reading, chosen)
        if chosen is not None:
            _offer(checkpoint, proven.circuit.places[chosen])


def _chosen(places: list[Node]) -> int | None:
    """Return which node was clicked, if it is here; the URL is kept in step."""
    node: tuple[int, ...] | None = linked("node", "_circuit_node", undotted)
    known = {tuple(place): number for number, place in enumerate(places)}
    number = None if node is None else known.get(node)
    write("node", None if number is None or node is None else dotted(node))
    return number


def _pick() -> None:
    """Take the node that was clicked."""
    rows = st.session_state["circuit_graph"]["selection"].get(PICKED) or []
    if rows:
        node = int(rows[0]["part"]), int(rows[0]["position"])
        st.session_state["_circuit_node"] = node


def _show_lines(drawing: _Drawing, reading: Reading, chosen: int | None) -> None:
    """Show the lines as a table: those of the chosen node, or all."""
    table = line_table(drawing.nodes, drawing.lines, reading.pieces)
    if chosen is not None:
        table = table[[chosen in (line.source, line.target) for line in drawing.lines]]
    st.dataframe(
        table,
        hide_index=True,
        height=min(36 * (len(table) + 1), 260),
        column_config={"logits": st.column_config.NumberColumn(format="%+.2f")},
    )


def _offer(checkpoint: Checkpoint, node: Node) -> None:
    """Offer to look at a node where its kind is looked at."""
    part = parts_of(checkpoint.model)[node.part]
    page, lesson = OPENS[part.kind]
    values = {"token": node.position}
    if part.layer >= 0:
        values["layer"] = part.layer
    if part.kind == "head":
        values["head"] = part.head
    st.button(
        f"Open {part.name} in {lesson}",
        icon=":material/open_in_new:",
        key="open_node",
        on_click=state.go_to,
        args=(page,),
        kwargs=values,
    )


def _drawing(checkpoint: Checkpoint, reading: Reading, proven: Proven) -> _Drawing:
    """Lay out a circuit: one row for embeddings, two for each layer, the answer."""
    config = checkpoint.model.config
    parts, has_mlp = parts_of(checkpoint.model), bool(config.mlp_width)
    rows = ["embedding"]
    for layer in range(config.num_layers):
        rows += [f"L{layer} heads", *([f"L{layer} MLP"] * has_mlp)]
    nodes = [
        GraphNode(
            parts[place.part].name,
            place.part,
            _row_of(parts[place.part], has_mlp),
            place.position,
            effect,
        )
        for place, effect in zip(proven.circuit.places, proven.effects, strict=True)
    ]
    last = len(reading.tokens) - 1
    nodes.append(GraphNode("answer", -1, len(rows), last, proven.difference))
    return _Drawing(nodes, _lines(proven), [*rows, "answer"])


def _row_of(part: Part, has_mlp: bool) -> int:
    if part.layer < 0:
        return 0
    return 1 + (1 + has_mlp) * part.layer + (part.kind == "mlp")


def _lines(proven: Proven) -> list[GraphLine]:
    """Return the lines to draw: the large ones, and the largest from every node."""
    places = {node: number for number, node in enumerate(proven.circuit.places)}
    least = FAINT * proven.difference
    drawn = [edge for edge in proven.edges if abs(edge.share) >= least][:DRAWN]
    known = {edge.source for edge in drawn}
    for edge in proven.edges:  # the largest first
        if edge.source not in known:
            drawn.append(edge)
            known.add(edge.source)
    return [
        GraphLine(
            places[edge.source],
            len(places) if edge.target is None else places[edge.target],
            edge.through,
            edge.share,
        )
        for edge in drawn
    ]
