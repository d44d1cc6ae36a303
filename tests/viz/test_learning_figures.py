"""Figures of learning: what is drawn is what was given, and losses keep their scale."""

import numpy as np
import pytest

from viz.learning.charts import (
    REAL,
    SLOPE,
    probability_chart,
    probability_rows,
    rate_chart,
    rate_table,
    steps_chart,
    steps_table,
)
from viz.learning.grids import gradient_grid, loss_grid, matrix_grid

PIECES = ["Once", " upon", " a"]


def test_the_loss_of_a_token_is_minus_the_logarithm_of_its_probability():
    grid = loss_grid(PIECES, np.array([0.5, 0.0001]))
    np.testing.assert_allclose(grid.values[1], [0.6931, 9.2103], atol=1e-4)
    assert grid.columns == ["1 ·upon", "2 ·a"]
    assert grid.texts == [["0.500", "<0.001"], ["0.69", "9.21"]]
    assert "After Once the model gave ·upon" in grid.sentences[0][0]


def test_a_probability_is_needed_for_each_token_but_the_first():
    with pytest.raises(ValueError, match="3 pieces need 2"):
        loss_grid(PIECES, np.array([0.5]))


def test_hooks_that_the_backward_pass_has_not_reached_are_blank():
    hooks = ["hook_embed", "blocks.0.attn.hook_z", "logits"]
    norms = np.array([[1e-4, 2e-4, 3e-4]] * 3)
    grid = gradient_grid(PIECES, hooks, norms, reached=2)
    assert np.isnan(grid.values[:, 0]).all()
    np.testing.assert_allclose(grid.values[:, 1:], [[2, 3]] * 3)
    assert grid.columns == ["embed", "L0 z", "logits"]
    assert "in units of 0.0001" in grid.unit


def test_a_matrix_is_printed_in_units_that_suit_it():
    grid = matrix_grid(np.array([[-3e-5, 1e-6]]), [7], [2, 9], "gradient")
    np.testing.assert_allclose(grid.values, [[-3, 0.1]])
    assert grid.unit == "gradient, in units of 1e-05"
    assert grid.sentences[0][0] == "Row 7, column 2: gradient -3.000e-05"
    assert matrix_grid(np.zeros((1, 2)), [0], [0, 1], "update").full == 1.0


def test_the_slope_ends_where_a_loss_would_be_negative():
    table = rate_table([0.1, 1.0], np.array([1.5, np.inf]), 2.0, -4.0)
    slope = table[table["line"] == SLOPE]
    assert slope["rate"].tolist() == [0.1]
    assert slope["loss"].tolist() == pytest.approx([1.6])
    assert table[table["line"] == REAL]["loss"].tolist() == [1.5, 1e6]
    chart = rate_chart([0.1, 1.0], np.array([1.5, np.inf]), 2.0, -4.0, 0.1).to_dict()
    assert chart["layer"][2]["encoding"]["y"]["scale"]["domain"] == [0, 5.0]


def test_only_the_steps_taken_are_drawn():
    losses = np.array([3.0, 2.0, 1.0, np.inf])
    assert steps_table(losses)["loss"].tolist() == [3, 2, 1, 1e6]
    chart = steps_chart(losses, 1, 10).to_dict()
    (rows,) = chart["datasets"].values()
    assert [row["loss"] for row in rows] == [3.0, 2.0]
    probabilities = np.array([[0.1, 0.2], [0.5, 0.6], [0.9, 0.9]])
    table = probability_rows(PIECES, probabilities)
    assert table["token"].tolist() == ["1 ·upon", "2 ·a"] * 3
    (rows,) = (
        probability_chart(PIECES, probabilities, 1, 10).to_dict()["datasets"].values()
    )
    assert [row["probability"] for row in rows] == [0.1, 0.2, 0.5, 0.6]
