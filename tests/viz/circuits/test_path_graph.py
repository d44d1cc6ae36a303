"""What the graph of paths draws, and what an excerpt with a neuron sends."""

import numpy as np
import pytest

from viz.circuits.path_graph import LOGITS, DrawnPath, path_graph, path_table
from viz.components.firing_examples.view import FiringExample, _packed

PATHS = [
    DrawnPath((0, 1), (2, 0), 0.4),
    DrawnPath((1, 1), None, -0.2),
    DrawnPath((0, 0), (1, 1), 0.9),
]


def drawn(chart):
    """Return the rows of a chart: those of the heads, and those of the paths."""
    tables = chart.to_dict()["datasets"].values()
    rows = [row for table in tables for row in table]
    nodes = {row["name"]: row for row in rows if "name" in row}
    return nodes, [row for row in rows if "path" in row]


def test_every_head_the_logits_and_every_path_are_drawn():
    nodes, lines = drawn(path_graph((3, 2), PATHS))
    assert list(nodes) == ["L0H0", "L0H1", "L1H0", "L1H1", "L2H0", "L2H1", LOGITS]
    # The farthest lies on top, so it comes last.
    assert [row["moved"] for row in lines] == [-0.2, 0.4, 0.9]
    for row in lines:
        one, other = (nodes[name] for name in row["path"].split(" → "))
        assert (row["x"], row["y"]) == (one["x"], one["y"])
        assert (row["x2"], row["y2"]) == (other["x"], other["y"])


def test_without_a_path_there_are_only_heads():
    nodes, lines = drawn(path_graph((1, 2), []))
    assert (len(nodes), lines) == (3, [])
    assert path_table([]).empty
    assert path_table(PATHS)["path"].tolist()[1] == "L1H1 → logits"


def test_an_excerpt_is_cut_around_its_token_and_tinted_both_ways():
    values = np.linspace(-2, 2, 60)
    packed = _packed(FiringExample([f"t{n}" for n in range(60)], values, 40), 2.0)
    assert packed["pieces"][packed["place"]] == "t40"
    assert packed["cut"] == [True, True]
    assert len(packed["pieces"]) == len(packed["levels"]) == 31
    shown = values[16:47]
    assert packed["levels"] == np.rint((shown / 2 + 1) / 2 * 254).astype(int).tolist()
    assert packed["activation"] == f"{values[40]:.3f}"
    with pytest.raises(ValueError, match="activations"):
        _packed(FiringExample(["a"], np.zeros(2), 0), 1.0)
