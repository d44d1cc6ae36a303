"""The graph of a circuit: every node at its place, every line between its two."""

import json

import pytest

from viz.circuits.circuit_graph import (
    PICKED,
    GraphLine,
    circuit_graph,
    line_table,
)
from viz.circuits.node_layout import GraphNode
from viz.circuits.removals import predicted_and_measured, removal_table

PIECES = [" the", " cat", '"];x//']
ROWS = ["embedding", "L0 heads", "answer"]
NODES = [
    GraphNode("embedding", 0, 0, 1, 0.5),
    GraphNode("L0H0", 1, 1, 2, -1.0),
    GraphNode("L0H1", 2, 1, 2, 2.0),
    GraphNode("answer", -1, 2, 2, 1.5),
]
LINES = [
    GraphLine(2, 3, "input", 2.0),
    GraphLine(1, 3, "input", -1.0),
    GraphLine(0, 2, "key", 0.5),
]


def drawn(chosen: int | None, lines=LINES) -> tuple[dict, list[dict]]:
    chart = circuit_graph(NODES, lines, ROWS, PIECES, chosen).to_dict()
    return chart, [row for rows in chart["datasets"].values() for row in rows]


def test_nodes_stand_in_the_row_of_their_layer_and_the_column_of_their_token():
    chart, rows = drawn(2)
    nodes = [row for row in rows if "effect" in row]
    assert [row["y"] for row in nodes] == [0, 1, 1, 2]
    assert nodes[0]["x"] < nodes[1]["x"] < nodes[3]["x"] < nodes[2]["x"]
    assert [row["at"] for row in nodes if row["chosen"]] == ['L0H1 at 2 "];x//']
    assert [each["name"] for each in chart["params"]] == [PICKED]
    assert chart["params"][0]["select"]["fields"] == ["part", "position"]


def test_lines_run_from_node_to_node_and_only_readings_of_heads_have_letters():
    _, rows = drawn(2)
    nodes = [row for row in rows if "effect" in row]
    for line in LINES:
        pieces = [r for r in rows if "x2" in r and r["share"] == line.share]
        begin, end = nodes[line.source], nodes[line.target]
        assert (pieces[0]["x"], pieces[0]["y"]) == (begin["x"], begin["y"])
        assert (pieces[-1]["x2"], pieces[-1]["y2"]) == pytest.approx(
            (end["x"], end["y"])
        )
        assert all(row["own"] == (2 in (line.source, line.target)) for row in pieces)
    assert [row["letter"] for row in rows if "letter" in row] == ["K"]


def test_tokens_are_looked_up_and_never_read_as_code():
    chart, _ = drawn(None)
    axis = chart["layer"][0]["encoding"]["x"]["axis"]
    titles, _, rest = axis["labelExpr"].partition("[indexof(")
    assert json.loads(titles) == ["1 ·cat", '2 "];x//']
    assert json.loads(rest.partition(", datum")[0]) == axis["values"]


def test_a_circuit_without_lines_is_drawn_and_the_table_names_both_ends():
    _, rows = drawn(None, [])
    assert len(rows) == len(NODES)
    assert line_table(NODES, LINES[2:], PIECES).to_numpy().tolist() == [
        [0.5, "embedding at 1 ·cat", 'L0H1 at 2 "];x//', "key"]
    ]


def test_removals_are_points_and_the_line_on_which_both_agree():
    table = removal_table(["a", "b"], [1.0, -2.0], [0.5, 3.0])
    spec = predicted_and_measured(table).to_dict()
    ends, points = spec["datasets"].values()
    assert [(each["x"], each["y"]) for each in ends] == [(-2.0, -2.0), (3.0, 3.0)]
    assert [each["measured"] for each in points] == [0.5, 3.0]
