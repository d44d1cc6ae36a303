import io
import json

import numpy as np
import pandas as pd
import pytest

from viz.components.save_figure.numbers import as_csv, as_json
from viz.components.save_figure.view import css_class

ABOUT = {"title": "Heads: all", "model": "tales", "step": 7800, "caption": None}


def test_json_holds_the_numbers_beside_what_they_are_about():
    drawn = {"a": np.array([[1.5, np.nan]]), 2: [np.float32(0.25), -np.inf]}
    assert json.loads(as_json(drawn, ABOUT)) == {
        **ABOUT,
        "numbers": {"a": [[1.5, None]], "2": [0.25, None]},
    }


def test_a_matrix_is_read_back_from_csv_to_the_bit():
    drawn = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    drawn[0, 3] = np.nan
    written = as_csv(drawn, ABOUT)
    found = pd.read_csv(io.StringIO(written), comment="#", index_col="row")
    np.testing.assert_array_equal(found.to_numpy(np.float32), drawn)
    assert written.splitlines()[:4] == [
        "# title: Heads: all",
        "# model: tales",
        "# step: 7800",
        "# caption: ",
    ]


@pytest.mark.parametrize(
    ("drawn", "lines"),
    [
        (0.5, ["value", "0.5"]),
        ([], ["place,value"]),
        ([1, 2], ["place,value", "0,1", "1,2"]),
        ({"loss": 1.5, "n": 2}, ["name,value", "loss,1.5", "n,2"]),
        ({"a": [1, 2], "b": [3, 4]}, ["row,0,1", "a,1,2", "b,3,4"]),
        ([[1], [2, 3]], ["axis_0,axis_1,value", "0,0,1", "1,0,2", "1,1,3"]),
        ([1, [2]], ["axis_0,axis_1,value", "0,,1", "1,0,2"]),
        (
            np.arange(2).reshape(1, 2, 1),
            ["axis_0,axis_1,axis_2,value", "0,0,0,0", "0,1,0,1"],
        ),
    ],
)
def test_numbers_of_any_shape_are_a_table(drawn, lines):
    assert as_csv(drawn, {}).splitlines() == lines


def test_no_name_becomes_a_formula_or_a_line_of_its_own():
    written = as_csv({"=1+1": -2.0, 'a"\n,b': 3.0}, {"prompt": "x\n=2+2\n# y"})
    assert written.splitlines()[0] == "# prompt: x =2+2 # y"
    found = pd.read_csv(io.StringIO(written.partition("\n")[2]))
    assert found["name"].tolist() == ["'=1+1", 'a"\n,b']
    assert found["value"].tolist() == [-2.0, 3.0]


def test_a_key_of_any_letters_is_found_by_its_class():
    assert css_class(" save_of_Ü, two (L1) ") == "st-key-save_of_---two--L1-"
