"""Pictures of positions carry the numbers given, thinned where that is said."""

import numpy as np
import pytest

from viz import positions as viz
from viz.components.clock_hands.view import TokenVector, clock_hands


def rows(chart) -> list[dict]:
    spec = chart.to_dict()
    return [row for table in spec["datasets"].values() for row in table]


def test_a_large_table_is_thinned_and_says_which_cells_it_shows():
    vectors = np.arange(100 * 130, dtype=float).reshape(100, 130)
    drawn = rows(viz.vector_picture(vectors))
    assert len(drawn) == 34 * 44
    for row in drawn[:: len(drawn) // 7]:
        assert row["value"] == vectors[row["position"], row["number"]]


def test_colours_are_symmetric_around_zero():
    spec = viz.vector_picture(np.array([[0.5, -2.0]])).to_dict()
    assert spec["encoding"]["color"]["scale"]["domain"] == [-2, 0, 2]


def test_lines_keep_the_close_distances_and_the_chosen_head():
    far = np.arange(1000)
    values = np.stack([far * (head + 1.0) for head in range(25)])
    names = [f"L0H{head}" for head in range(25)]
    table = viz.distance_table(far, values, names, chosen=20)
    assert table["series"].nunique() == viz.MOST_LINES
    mine = table[table["chosen"]]
    assert set(mine["series"]) == {"L0H20"}
    assert mine["distance"].tolist()[:40] == list(range(40))
    assert (mine["value"] == 21 * mine["distance"]).all()
    with pytest.raises(ValueError, match=r"not \[25, 1000\]"):
        viz.distance_table(far, values, names[:3], 0)


@pytest.mark.parametrize("trained", [None, 64])
def test_the_end_of_training_is_marked_where_it_is_in_sight(trained):
    table = viz.distance_table(np.arange(3), np.ones((1, 3)), ["rope"], 0)
    chart = viz.distance_lines(table, "q · k", trained)
    marked = [row["distance"] for row in rows(chart) if "words" in row]
    assert marked == ([] if trained is None else [trained])


def test_losses_are_averaged_in_buckets_the_last_one_short():
    table = viz.loss_table(np.array([1.0, 3.0, 5.0, 5.0, 2.0]), 2)
    assert table["loss"].tolist() == [2, 5, 2]
    assert table["position"].tolist() == [1, 3, 4.5]
    chart = viz.loss_line(table, 4)
    assert [row["loss"] for row in rows(chart) if "loss" in row] == [2, 5, 2]


def test_clocks_need_two_numbers_for_each_speed():
    with pytest.raises(ValueError, match="2 speeds turn 4 numbers, not 4 and 3"):
        clock_hands(
            TokenVector(np.ones(4), "a", 1),
            TokenVector(np.ones(3), "b", 0),
            np.ones(2),
            key="clocks",
            longest=8,
        )
