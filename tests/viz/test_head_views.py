"""What the views of heads send to the browser, and what their chart draws."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.attention import pool_patterns
from viz.components.head_grid.view import THUMBNAIL, ScoreBars, head_grid, thumbnails
from viz.components.reading_examples.view import ReadingExample, _packed
from viz.heads import (
    ELSEWHERE,
    HERE,
    HabitBar,
    ScoreOnText,
    habits_chart,
    two_texts_chart,
)

RNG = np.random.default_rng(0)


def causal(layers, heads, count):
    weights = np.tril(RNG.random((layers, heads, count, count)))
    return weights / weights.sum(-1, keepdims=True)


def unpacked(data):
    return np.frombuffer(base64.b64decode(data["weights"]), dtype=np.uint8)


def test_of_a_causal_model_only_what_may_be_read_is_sent():
    patterns = causal(2, 3, 20)
    data = thumbnails(patterns)
    assert data["causal"]
    rows, columns = np.tril_indices(20)
    expected = np.rint(patterns[..., rows, columns] * 255).ravel()
    np.testing.assert_array_equal(unpacked(data), expected)


def test_a_model_that_reads_ahead_is_sent_whole():
    data = thumbnails(np.full((1, 1, 4, 4), 0.25))
    assert not data["causal"]
    assert len(unpacked(data)) == 16


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
@pytest.mark.parametrize(("count", "size", "patch"), [(130, 64, 3), (128, 64, 2)])
def test_pooling_keeps_the_largest_weight_of_each_patch(kind, count, size, patch):
    patterns = (RNG.random((1, 2, count, count)) * 255).astype(kind)
    pooled = pool_patterns(patterns, size)
    side = -(-count // patch)
    assert pooled.shape == (1, 2, side, side)
    for row in range(0, side, 7):
        for column in range(side):
            rows = slice(row * patch, (row + 1) * patch)
            columns = slice(column * patch, (column + 1) * patch)
            largest = patterns[..., rows, columns].max((-2, -1))
            np.testing.assert_array_equal(pooled[..., row, column], largest)


def test_the_more_heads_the_smaller_their_thumbnails():
    assert thumbnails(causal(1, 2, 100))["side"] <= THUMBNAIL
    many = thumbnails(np.tril(np.ones((48, 25, 64, 64), dtype=np.float32)))
    assert len(unpacked(many)) < 1_000_000


def test_not_a_number_is_no_weight():
    patterns = np.where(np.tril(np.ones((4, 4))) > 0, 0.5, np.nan)[None, None]
    assert thumbnails(patterns)["causal"]


def test_a_band_must_fit_the_heads():
    low = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"high edge.*\[2 3\].*\[3, 2\]"):
        head_grid(causal(2, 3, 4), key="grid", bars=ScoreBars(low, band=(low, low.T)))


def delivered_grid() -> None:
    import numpy as np
    import streamlit as st

    from viz.components.head_grid.view import (
        deliver_patterns,
        head_grid,
        pack_patterns,
    )

    patterns = np.tril(np.full((2, 2, 4, 4), st.session_state.get("weight", 0.25)))
    place = st.session_state.get("place", (0, 0))
    delivered = deliver_patterns(pack_patterns(patterns), key="patterns")
    head_grid(delivered, place, key="grid")


def test_patterns_are_delivered_apart_from_what_a_click_changes():
    app = AppTest.from_function(delivered_grid).run()
    first, grid = (json.loads(each.proto.json) for each in app.get("bidi_component"))
    assert grid["delivered"] == first["name"]
    assert "weights" not in grid
    assert first["what"]["weights"]
    app.session_state["place"] = (1, 1)
    again, grid = (
        json.loads(each.proto.json) for each in app.run().get("bidi_component")
    )
    assert grid["selected"] == [1, 1]
    assert again == first
    app.session_state["weight"] = 0.5
    other, grid = (
        json.loads(each.proto.json) for each in app.run().get("bidi_component")
    )
    assert grid["delivered"] == other["name"] != first["name"]


def test_an_example_names_its_strongest_reads_and_shows_all_of_them():
    row = np.zeros(60)
    row[[3, 50, 59]] = 0.2, 0.7, 0.1
    data = _packed(ReadingExample([f" w{i}" for i in range(60)], row))
    assert data["reads"] == [["·w50", "0.700"], ["·w3", "0.200"], ["·w59", "0.100"]]
    assert data["pieces"][0] == "·w3"  # Cut where the earliest of them stands.
    assert data["isCut"]
    levels = np.frombuffer(base64.b64decode(data["levels"]), dtype=np.uint8)
    assert levels[0] == round(0.2 * 255)


def test_an_example_must_have_a_weight_per_piece():
    with pytest.raises(ValueError, match="2 pieces, but weights of"):
        _packed(ReadingExample(["a", "b"], np.ones(3)))


def test_the_chart_of_two_texts_draws_each_score_beside_its_band():
    scores = [
        ScoreOnText("induction", HERE, 0.1, 0.05, 0.2),
        ScoreOnText("induction", ELSEWHERE, 0.9, 0.02, 0.03),
        ScoreOnText("self token", HERE, float("nan"), 0.05, 0.2),
    ]
    spec = two_texts_chart(scores).to_dict()
    (data,) = spec["datasets"].values()
    assert [row["value"] for row in data] == [0.1, 0.9, None]
    assert [(row["low"], row["high"]) for row in data][1] == (0.02, 0.03)


def test_the_chart_of_habits_draws_weight_interval_band_and_prompt_in_order():
    nan = float("nan")
    bars = [
        HabitBar("the last space", 0.6, 0.55, 0.65, 0.03, 0.05, 0.7, 400),
        HabitBar("the first token", 0.1, 0.08, 0.12, nan, nan, nan, 900),
    ]
    spec = habits_chart(bars).to_dict()
    (data,) = spec["datasets"].values()
    assert data[0] == vars(bars[0])
    assert data[1]["untrained_low"] is None  # not compared: nothing is drawn
    assert data[1]["here"] is None
    marks = {layer["mark"]["type"]: layer["encoding"] for layer in spec["layer"][1:4]}
    drawn = {mark: encoding["x"]["field"] for mark, encoding in marks.items()}
    assert drawn == {"bar": "value", "rule": "low", "point": "here"}
    order = [bar.habit for bar in bars]
    assert all(each["y"]["sort"] == order for each in marks.values())
