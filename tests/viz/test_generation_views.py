"""What the views of generation are given to show, and what they refuse."""

import json
import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.components.cache_growth.view import CachePicture
from viz.components.continuation_tree.view import continuation_tree
from viz.components.filter_stages.view import FilterBars
from viz.components.token_stream.view import surprise
from viz.generation import sample_dots, step_time_lines

CHAIN = [("model", "logits"), ("top_k", "top-k 2")]


def stage(name, probabilities, removed=0.0):
    probabilities = np.asarray(probabilities)
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities)
    kept = int((probabilities > 0).sum())
    return SimpleNamespace(
        name=name,
        logits=logits,
        probabilities=probabilities,
        removed=removed,
        kept=kept,
        entropy=1.0,
    )


def made_up_draw():
    waits = np.array([0.5, 0.1, 2.0, 1.0])
    last = np.array([0.6, 0.4, 0.0, 0.0])
    with np.errstate(divide="ignore"):
        arrivals = waits / last
    stages = [stage("model", [0.3, 0.2, 0.25, 0.25]), stage("top_k", last, 0.5)]
    return SimpleNamespace(stages=stages, waits=waits, arrivals=arrivals, token=1)


def shown_by(script):
    app = AppTest.from_function(script).run()
    assert not app.exception
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_the_bars_get_what_each_stage_left_and_the_others_together():
    def script():
        from tests_of_views import made_up_draw

        from viz.components.filter_stages.view import FilterBars, filter_stages

        chain = [("model", "logits"), ("top_k", "top-k 2")]
        bars = FilterBars(made_up_draw(), [0, 1], ["<b>", "\n"], chain)
        filter_stages(bars, key="bars")

    data = with_this_module(script)
    assert data["pieces"] == ["<b>", "⏎"]
    assert data["stages"][0]["othersText"] == "0.500"
    assert data["stages"][0]["keptOthers"] == 2
    assert data["stages"][1]["othersText"] == "0"
    assert data["stages"][1]["removed"] == 0.5
    assert data["race"]["waits"] == [0.5, 0.1]
    assert data["race"]["arrivals"] == pytest.approx([0.5 / 0.6, 0.25])
    assert data["race"]["firstOther"] is None


def with_this_module(script):
    import sys

    sys.modules["tests_of_views"] = sys.modules[__name__]
    try:
        return shown_by(script)
    finally:
        del sys.modules["tests_of_views"]


def test_a_removed_token_has_no_logit_and_never_arrives():
    def script():
        from tests_of_views import made_up_draw

        from viz.components.filter_stages.view import FilterBars, filter_stages

        chain = [("model", "logits"), ("top_k", "top-k 2")]
        filter_stages(FilterBars(made_up_draw(), [2, 1], ["a", "b"], chain), key="bars")

    data = with_this_module(script)
    assert data["stages"][1]["logits"][0] is None
    assert data["race"]["arrivals"][0] is None
    assert data["race"]["firstOther"] == pytest.approx(0.5 / 0.6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pieces": ["a"]}, "2 tokens are shown but 1 have texts"),
        ({"shown": [0, 9]}, "outside the vocabulary of 4"),
        ({"chain": [("model", "logits")]}, "does not name top_k"),
    ],
)
def test_bars_refuse_what_does_not_fit(change, words):
    arguments = {"shown": [0, 1], "pieces": ["a", "b"], "chain": CHAIN} | change
    with pytest.raises(ValueError, match=words):
        FilterBars(made_up_draw(), **arguments)


@dataclass
class Node:
    id: int
    parent: int | None
    depth: int
    members: list[int]


def test_a_tree_refuses_a_branch_before_its_parent():
    nodes = [Node(0, 1, 1, [0]), Node(1, None, 0, [0])]
    with pytest.raises(ValueError, match="before its parent"):
        continuation_tree(nodes, ["a", "b"], [[], []], [7], key="tree")
    with pytest.raises(ValueError, match="2 branches, 1 pieces"):
        continuation_tree(nodes, ["a"], [[], []], [7], key="tree")


def test_a_large_seed_reaches_the_browser_whole():
    def script():
        from tests_of_views import Node

        from viz.components.continuation_tree.view import continuation_tree

        nodes = [Node(0, None, 0, [0])]
        continuation_tree(nodes, [" a"], [["\n", "b"]], [2**62 + 1], key="tree")

    data = with_this_module(script)
    assert data["branches"][0]["seeds"] == [str(2**62 + 1)]
    assert data["branches"][0]["rest"] == "⏎b"


def test_surprise_is_minus_the_logarithm():
    assert surprise(0.25) == pytest.approx(-math.log(0.25))
    assert surprise(1.0001) == 0
    assert math.isfinite(surprise(0.0))


def test_every_sample_is_a_dot_and_the_median_a_line():
    values = [[-0.5], [-1.2, -3.0, -2.0]]
    drawn = sample_dots(["beam", "hot"], values, "mean").to_dict()
    rows, medians = sorted(drawn["datasets"].values(), key=len, reverse=True)
    assert [(row["strategy"], row["mean"]) for row in rows] == [
        ("beam", -0.5),
        ("hot", -1.2),
        ("hot", -3.0),
        ("hot", -2.0),
    ]
    assert [row["mean"] for row in medians] == [-0.5, -2.0]
    assert drawn["layer"][0]["encoding"]["y"]["sort"] is None
    with pytest.raises(ValueError, match="1 strategies but"):
        sample_dots(["beam"], values, "mean")


def test_both_times_are_drawn_over_the_length_of_the_text():
    drawn = step_time_lines([1, 9], {"with": [2.0, 2.5], "without": [2.0, 9.0]})
    (rows,) = drawn.to_dict()["datasets"].values()
    assert [(row["way"], row["tokens"], row["milliseconds"]) for row in rows] == [
        ("with", 1, 2.0),
        ("with", 9, 2.5),
        ("without", 1, 2.0),
        ("without", 9, 9.0),
    ]
    with pytest.raises(ValueError, match="2 lengths but 1 times"):
        step_time_lines([1, 9], {"with": [2.0]})


def test_a_cache_needs_one_key_and_value_per_token():
    keys = np.zeros((2, 3, 4))
    whole = CachePicture(["a", "b", "c"], keys, keys, 0, 2, 64, "")
    assert whole.num_heads == 2
    with pytest.raises(ValueError, match="2 tokens but 3 keys"):
        CachePicture(["a", "b"], keys, keys, 0, 2, 64, "")
    with pytest.raises(ValueError, match="differ"):
        CachePicture(["a", "b", "c"], keys, keys[:, :2], 0, 2, 64, "")
