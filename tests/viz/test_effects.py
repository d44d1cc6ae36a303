import numpy as np
import pytest

from viz.effects import (
    before_after_bars,
    before_after_table,
    change_grid,
    looking_and_causing,
    paired_pieces,
)

PIECES = [" a", "<b>", "\n", " d"]
BEFORE = np.array([0.1, 0.6, 0.0002, 0.2998])
AFTER = np.array([0.05, 0.0, 0.9, 0.05])


def test_the_likeliest_before_and_after_are_both_shown():
    table = before_after_table(PIECES, BEFORE, AFTER, shown=2)
    assert table["token"].tolist() == [1, 1, 2, 2]
    assert table["probability"].tolist() == [0.6, 0.0, 0.0002, 0.9]
    assert table["text"].tolist() == ["0.600", "0", "<0.001", "0.900"]


def test_the_bars_carry_the_table():
    spec = before_after_bars(PIECES, BEFORE, AFTER).to_dict()
    rows = [row for rows in spec["datasets"].values() for row in rows]
    shown = {(row["piece"], row["stage"]): row["probability"] for row in rows}
    assert shown["0 <b>", "before"] == 0.6
    assert shown["0 <b>", "after"] == 0.0
    assert len(shown) == 8
    assert "probability" in spec["layer"][0]["encoding"]["x"]["title"]


def test_a_vocabulary_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 pieces, 4 probabilities"):
        before_after_table(PIECES[:3], BEFORE, AFTER)


def test_a_change_says_what_was_and_what_is():
    grid = change_grid(
        [["L0H0", "L0H1"]], np.array([[0.96, 0.5]]), np.array([[0.03, 1.0]]), "score"
    )
    np.testing.assert_allclose(grid.values, [[-0.93, 0.5]])
    assert grid.texts == [[".96→.03", ".50→1.00"]]
    assert grid.sentences[0][0] == "L0H0: score 0.960 → 0.030"


def test_a_score_that_is_not_known_has_no_change():
    unknown = np.array([[np.nan]])
    grid = change_grid([["L0H0"]], unknown, unknown, "score")
    assert np.isnan(grid.values[0, 0])
    assert grid.texts == [["–→–"]]
    with pytest.raises(ValueError, match="one number became one other"):
        change_grid([["L0H0"]], unknown, np.zeros((2, 1)), "score")


def test_positions_show_both_pieces_where_prompts_differ():
    assert paired_pieces(["a", " b"], ["a", "\n"]) == ["0 a", "1 ·b|⏎"]


def test_heads_are_drawn_where_they_look_and_cost():
    chart = looking_and_causing(["L0H0", "L0H1"], [0.2, 0.7], [1.1, -0.1])
    spec = chart.to_dict()
    rows = [row for rows in spec["datasets"].values() for row in rows]
    assert {"head": "L0H1", "weight": 0.7, "cost": -0.1} in rows
    assert "nats" in spec["layer"][0]["encoding"]["y"]["title"]
