"""What each window did for a head: both ends are marked, and no table is too large."""

import numpy as np

from viz.learning.influence import (
    HELD_BACK,
    HELPED,
    ORIGINAL,
    OTHERS,
    WITHOUT_RANDOM,
    growth_chart,
    influence_table,
)


def test_both_ends_are_marked_and_every_window_keeps_its_place():
    influence = np.array([[0.5, -1.0], [2.0, 0.0], [-3.0, 0.25]])
    table = influence_table(influence, 2).set_index(["step", "row"])
    assert set(table.index[table.kind == HELPED]) == {(1, 0), (0, 0)}
    assert set(table.index[table.kind == HELD_BACK]) == {(2, 0), (0, 1)}
    assert set(table.index[table.kind == OTHERS]) == {(1, 1), (2, 1)}
    assert all(influence[place] == row.influence for place, row in table.iterrows())


def test_of_very_many_windows_the_marked_ones_all_stay():
    influence = np.random.default_rng(0).normal(size=(5000, 8))
    table = influence_table(influence, 100)
    assert len(table) < 7000
    assert (table.kind != OTHERS).sum() == 200
    assert table.influence.max() == influence.max()


def test_a_growth_chart_draws_the_trainings_there_are_and_the_level():
    lines = {ORIGINAL: ([0, 4], [0.1, 0.9]), WITHOUT_RANDOM: ([0, 4], [0.1, 0.5])}
    chart = growth_chart(lines, 0.5).to_dict()
    tables = sorted(chart["datasets"].values(), key=len)
    assert tables[0][0]["level"] == 0.5
    assert [row["score"] for row in tables[1]] == [0.1, 0.9, 0.1, 0.5]
