"""What the beam's tree is drawn from, and the tables behind it."""

import doctest
import json
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from viz import beams
from viz.beams import candidate_table, path_to, text_table, tree_rows
from viz.components.beam_tree.view import SearchTree


def node(number, parent, step, rank, status="kept", returned=None):
    return SimpleNamespace(
        id=number,
        parent=parent,
        step=step,
        rank=rank,
        log_prob=-0.5 * (number + 1),
        cumulative=-1.25 * (number + 1),
        score=-1.25 * (number + 1) / step,
        status=status,
        reason="because",
        returned=returned,
    )


NODES = [
    node(0, -1, 1, 0),
    node(1, -1, 1, 1),
    node(2, 1, 2, 0, "finished", 0),
    node(3, 0, 2, 1, "pruned"),
    node(4, 3, 3, -1, "unseen"),
    node(5, 1, 2, -1, "unseen"),
    node(6, 5, 3, -1, "unseen"),
]
PIECES = ["a", " b", "c\n", "d", "e", "<b>", "f"]


def sheet():
    from types import SimpleNamespace

    from viz.components.beam_tree.view import SearchTree, beam_tree

    root = SimpleNamespace(
        id=0,
        parent=-1,
        step=1,
        rank=0,
        log_prob=-0.004,
        cumulative=-0.004,
        score=-0.004,
        status="kept",
        reason="goes on",
        returned=None,
    )
    leaf = SimpleNamespace(
        id=1,
        parent=0,
        step=2,
        rank=0,
        log_prob=-1.5,
        cumulative=-12.345,
        score=-6.1725,
        status="finished",
        reason="ends",
        returned=0,
    )
    tree = SearchTree(
        [root, leaf],
        [" a", "c\n"],
        prompt=[f"p{place}" for place in range(10)],
        captions=["one", "two"],
        paths={"greedy": [0], "best": [0, 1]},
    )
    beam_tree(tree, key="tree")


def test_candidates_stand_by_rank_and_other_texts_in_rows_of_their_own():
    rows, count = tree_rows(NODES, [[0, 3, 4], [1, 2], [1, 5, 6]])
    assert rows == [0, 1, 0, 1, 2, 3, 3]
    assert count == 4


def test_two_texts_that_share_a_way_share_its_row():
    rows, count = tree_rows(NODES, [[1, 5, 6], [1, 5, 6], [0, 3, 4]])
    assert rows == [0, 1, 0, 1, 3, 2, 2]
    assert count == 4


def test_a_path_leads_from_the_first_token_to_the_node():
    assert path_to(NODES, 6) == [1, 5, 6]
    assert path_to(NODES, 0) == [0]


def test_the_browser_is_given_numbers_as_they_are_shown():
    app = AppTest.from_function(sheet).run()
    assert not app.exception
    data = json.loads(app.get("bidi_component")[0].proto.json)
    root, leaf = data["nodes"]
    assert (root["logProb"], root["piece"], root["share"]) == ("0.00", "·a", 0.996)
    assert (leaf["logProb"], leaf["sum"], leaf["score"]) == ("−1.50", "−12.35", "−6.17")
    assert (leaf["piece"], leaf["status"], leaf["returned"]) == ("c⏎", "finished", 0)
    assert (leaf["parent"], leaf["row"]) == (0, 0)
    assert data["prompt"] == [f"p{place}" for place in range(2, 10)]
    assert data["shortened"]
    assert data["selected"] is None


def test_what_does_not_fit_is_refused():
    given = {"prompt": ["p"], "paths": {}}
    with pytest.raises(ValueError, match="7 nodes but 6 pieces"):
        SearchTree(NODES, PIECES[:-1], captions=["1", "2", "3"], **given)
    with pytest.raises(ValueError, match="3 steps need 3 captions, not 2"):
        SearchTree(NODES, PIECES, captions=["1", "2"], **given)
    with pytest.raises(ValueError, match="not \\['worst'\\]"):
        SearchTree(
            NODES,
            PIECES,
            captions=["1", "2", "3"],
            **{**given, "paths": {"worst": [0]}},
        )


def test_the_table_holds_every_node():
    table = candidate_table(NODES, PIECES)
    assert list(table["text"])[:3] == ["a", "·b", "c⏎"]
    assert list(table["sum"]) == [each.cumulative for each in NODES]
    assert list(table["rank"])[:4] == [1, 2, 1, 2]
    assert table["rank"].isna().sum() == 3


def test_whole_texts_stand_in_the_order_given():
    text = SimpleNamespace(tokens=[4, 5], cumulative=-2.0, score=-1.0)
    table = text_table(
        {"greedy": text, "beam #1": text},
        {"greedy": " a\n", "beam #1": " a\n"},
    )
    assert list(table.index) == ["greedy", "beam #1"]
    assert list(table["text"]) == ["·a⏎", "·a⏎"]
    assert list(table["tokens"]) == [2, 2]


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(beams).failed == 0
