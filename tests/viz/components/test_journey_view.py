"""What the journey's sheet is drawn from, and what it believes of a browser."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.components.journey.view import (
    JourneyClick,
    JourneySheet,
    _read_click,
    journey,
    norm_table,
)


def sheet(count, selected):
    from types import SimpleNamespace

    import numpy as np

    from viz.components.journey.view import JourneySheet, journey

    stage = SimpleNamespace(
        kind="attention",
        layers=(0, 0),
        added_name="blocks.0.hook_attn_out",
        stream_name="blocks.0.hook_resid_mid",
        added=np.arange(count) + 0.123456,
        stream=np.arange(count) + 1.0,
        attention=np.eye(count) * 0.9 + 0.01,
    )
    numbers = JourneySheet(
        [f" {n}" for n in range(count)],
        [stage],
        16,
        [["b", "c"]] * count,
        np.tile([0.7, 0.0001], (count, 1)),
        [5, 6],
    )
    journey(numbers, key="journey", selected=selected)


def shown(count, selected):
    app = AppTest.from_function(sheet, args=(count, selected)).run()
    assert not app.exception
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_a_sheet_holds_norms_and_the_lines_strong_enough_to_draw():
    data = shown(3, 2)
    assert data["pieces"] == ["·0", "·1", "·2"]
    assert data["stages"][0]["added"] == [0.12346, 1.1235, 2.1235]
    assert data["stages"][0]["reads"] == [[0, 0, 0.91], [1, 1, 0.91], [2, 2, 0.91]]
    assert [each["text"] for each in data["next"]] == ["0.700", "<0.001"]
    assert [each["token"] for each in data["next"]] == [5, 6]


@pytest.mark.parametrize(("selected", "first"), [(99, 36), (50, 36), (3, 3)])
def test_of_many_roads_those_around_the_chosen_one_are_sent(selected, first):
    data = shown(100, selected)
    assert data["first"] == first
    assert data["count"] == 100
    assert len(data["pieces"]) == len(data["stages"][0]["stream"]) == 64
    assert data["pieces"][0] == f"·{first}"


def test_what_does_not_fit_is_refused():
    row = np.array([[0.5]])
    with pytest.raises(ValueError, match="no token 1 among 1"):
        journey(JourneySheet(["a"], [], 4, [["b"]], row, [1]), key="j", selected=1)
    with pytest.raises(ValueError, match="expected for 2 positions"):
        JourneySheet(["a"], [], 4, [["b"], ["c"]], row, [1])


@pytest.mark.parametrize("message", [None, [1], ["token", "1"], ["token", True]])
def test_a_click_from_a_browser_is_not_trusted(message):
    with pytest.raises(TypeError):
        _read_click(message)


def test_a_click_says_what_and_which():
    assert _read_click(["append", 7]) == JourneyClick("append", 7)
    with pytest.raises(ValueError, match="cannot be clicked"):
        _read_click(["delete", 7])


def test_the_table_has_a_row_per_hook_and_a_column_per_token():
    stage = SimpleNamespace(
        added_name="hook_embed",
        stream_name="blocks.0.hook_resid_pre",
        added=np.array([1.0, 2.0]),
        stream=np.array([3.0, 4.0]),
    )
    table = norm_table(["a", "a"], [stage])
    assert table.columns.tolist() == ["hook", "0 a", "1 a"]
    assert table["1 a"].tolist() == [2.0, 4.0]
