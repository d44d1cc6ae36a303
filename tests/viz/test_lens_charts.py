"""The charts of one column carry every number, whatever the tokens are called."""

import numpy as np
import pytest

from viz.lens_charts import gap_bars, labelled, race_lines, race_table, top_bars

POINTS = ["embedding", "L0 MLP", "L1 MLP"]
A, B = np.array([0.5, 2.0, 9.25]), np.array([1.0, 2.5, 9.0])


def rows(chart) -> list[dict]:
    spec = chart.to_dict()
    return [row for table in spec["datasets"].values() for row in table]


def test_bars_of_equal_texts_stay_two():
    drawn = rows(top_bars([" a", " a", "<b>"], np.array([0.5, 0.5, 0.0001])))
    assert [row["token"] for row in drawn] == ["·a 0.500", "·a (2) 0.500", "<b> <0.001"]
    assert [row["probability"] for row in drawn] == [0.5, 0.5, 0.0001]
    with pytest.raises(ValueError, match="zip"):
        labelled(["a"], [])


def test_the_race_carries_both_logits_and_their_difference():
    table = race_table(POINTS, A, B)
    assert table["A − B"].tolist() == [-0.5, -0.5, 0.25]
    drawn = rows(race_lines(table, " cat", "x.[0]"))
    assert [row["logit"] for row in drawn] == [*A, *B]
    assert {row["token"] for row in drawn} == {"A ·cat", "B x.[0]"}
    assert [row["gap"] for row in rows(gap_bars(table))] == [-0.5, -0.5, 0.25]
    with pytest.raises(ValueError, match="3 points, but 3 and 2"):
        race_table(POINTS, A, B[:2])


def test_points_come_in_the_models_order_and_axes_have_units():
    spec = gap_bars(race_table(POINTS, A, B)).to_dict()
    assert spec["encoding"]["x"]["sort"] is None
    assert spec["encoding"]["y"]["title"] == "A − B (logit)"
