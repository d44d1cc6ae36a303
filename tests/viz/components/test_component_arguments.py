"""What a page hands to the components is checked; who spoke last is selected."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.components.attention_heatmap.view import attention_heatmap
from viz.components.head_grid.view import ScoreBars, head_grid
from viz.components.head_lines.view import head_lines
from viz.components.shared.mounting import read_pair, read_position
from viz.components.token_pieces.view import token_pieces
from viz.components.token_stream.view import token_stream
from viz.components.value_grid.view import Grid, value_grid

SQUARE = np.eye(3)


def test_head_grid_names_the_shape_that_it_wants():
    with pytest.raises(ValueError, match=r"\[layer head q_pos k_pos\].*\[2, 3, 4\]"):
        head_grid(np.zeros((2, 3, 4)), key="grid")
    with pytest.raises(ValueError, match=r"\[layer head\] = \[2 2\]"):
        head_grid(np.zeros((2, 2, 3, 3)), key="g", bars=ScoreBars(np.zeros((2, 3))))


def test_a_selection_outside_the_data_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 0\) lies outside"):
        head_grid(np.zeros((2, 2, 3, 3)), (2, 0), key="grid")
    with pytest.raises(ValueError, match="7 lies outside"):
        token_pieces(["a"], [1], 7, key="pieces")


def test_a_heat_map_wants_one_head_and_lines_want_a_layer():
    with pytest.raises(ValueError, match="one head"):
        attention_heatmap(["a", "b", "c"], SQUARE[None], key="map")
    with pytest.raises(ValueError, match="one layer"):
        head_lines(["a", "b", "c"], SQUARE, (0, 0), key="lines")
    with pytest.raises(ValueError, match="Head 4 is not one of the 1"):
        head_lines(["a", "b", "c"], SQUARE[None], (0, 4), key="lines")


def test_pieces_want_an_id_each():
    with pytest.raises(ValueError, match="1 pieces but 2 ids"):
        token_pieces(["a"], [1, 2], key="pieces")


def test_a_stream_refuses_what_is_no_probability():
    step = {"piece": "a", "token": 1, "probability": 1.7, "entropy": 0.0}
    with pytest.raises(ValueError, match=r"one is 1\.7"):
        token_stream([{**step, "alternatives": []}], key="stream")


def grid_of(values, selected=None, **settings):
    rows = [f"row {n}" for n in range(2)]
    columns = [f"column {n}" for n in range(3)]
    names = {"rows": rows, "columns": columns, "unit": "logit"}
    grid = Grid(np.asarray(values), **(names | settings))
    return value_grid(grid, key="values", selected=selected)


def test_a_value_grid_names_the_size_that_it_wants():
    with pytest.raises(ValueError, match=r"2 rows and 3 columns needs values of \[2 3"):
        grid_of(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"needs texts of \[2 3\], not \[2, 2, 3\]"):
        grid_of(np.zeros((2, 3)), texts=[["a", "b"], ["a", "b", "c"]])
    with pytest.raises(ValueError, match=r"\(2, 0\) lies outside"):
        grid_of(np.zeros((2, 3)), selected=(2, 0))


def test_a_value_grid_of_one_hue_refuses_what_is_below_zero():
    with pytest.raises(ValueError, match=r"one value is -0\.5: pass signed=True"):
        grid_of([[0, 1, 2], [3, -0.5, 4]])
    with pytest.raises(ValueError, match="must be > 0"):
        grid_of(np.zeros((2, 3)), limit=0)


def value_grid_page() -> None:
    import numpy as np

    from viz.components.value_grid.view import Grid, value_grid

    grid = Grid(
        np.array([[np.nan, -1e-9, 2.5], [-5.0, 10.0, np.nan]]),
        rows=["a", "b"],
        columns=["x", "y", "z"],
        unit="logit",
        signed=True,
        limit=5.0,
    )
    value_grid(grid, key="values")


def test_the_shades_of_a_signed_grid_are_symmetric_and_end_at_its_limit():
    app = AppTest.from_function(value_grid_page).run()
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert data["levels"] == [[None, 127, 190], [0, 254, None]]
    assert data["texts"][0][1:] == ["0.00", "2.50"]
    assert data["numbers"][1][:2] == ["-5.0000", "10.0000"]


@pytest.mark.parametrize("message", [None, "1", [1], [1, 2, 3], [1, "2"], {"a": 1}])
def test_what_a_browser_sends_is_not_trusted(message):
    with pytest.raises(TypeError):
        read_pair(message)
    with pytest.raises(TypeError):
        read_position(True)


def grid_page() -> None:
    import numpy as np
    import streamlit as st

    from viz.components.head_grid.view import head_grid

    patterns = np.zeros(st.session_state.get("shape", (2, 2, 3, 3)))
    said = st.session_state.get("said", (0, 0))
    st.session_state["answer"] = head_grid(patterns, said, key="grid")


def test_a_click_counts_until_the_page_says_otherwise():
    page = AppTest.from_function(grid_page).run()
    assert page.session_state["answer"] == (0, 0)
    page.session_state["grid.choice"] = ((0, 0), (1, 1))  # What a click leaves behind.
    assert page.run().session_state["answer"] == (1, 1)
    assert page.run().session_state["answer"] == (1, 1)
    page.session_state["said"] = (0, 1)
    assert page.run().session_state["answer"] == (0, 1)
    page.session_state["said"] = (0, 0)
    assert page.run().session_state["answer"] == (0, 0)
    assert not page.exception


def test_a_click_on_a_head_that_a_smaller_model_lacks_is_forgotten():
    page = AppTest.from_function(grid_page).run()
    page.session_state["grid.choice"] = ((0, 0), (1, 1))
    page.session_state["shape"] = (1, 1, 3, 3)
    assert page.run().session_state["answer"] == (0, 0)
    assert not page.exception
