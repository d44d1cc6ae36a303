"""Means with their intervals: what the map, the dots and the lines are drawn from."""

import numpy as np
import pytest

from viz.pairs.means import (
    LINES,
    lens_chart,
    lens_table,
    mean_grid,
    means_chart,
    means_table,
    place_names,
)

MEAN = np.array([[0.5, -0.25]])
LOW, HIGH = MEAN - 0.1, MEAN + 0.2


def rows_of(chart) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_a_cell_says_its_interval_and_one_pair_has_none():
    names, axes = [["L0H0", "L0H1"]], {"rows": ["L0"], "columns": ["H0", "H1"]}
    grid = mean_grid((MEAN, LOW, HIGH), names, "of the way", **axes)
    assert grid.sentences == [
        [
            "L0H0: +0.50 (95% interval +0.40 to +0.70) of the way",
            "L0H1: −0.25 (95% interval −0.35 to −0.05) of the way",
        ]
    ]
    none = np.full_like(MEAN, np.nan)
    alone = mean_grid((MEAN, none, none), names, "logits", **axes)
    assert alone.sentences == [["L0H0: +0.50 logits", "L0H1: −0.25 logits"]]
    assert alone.signed


def test_dots_lie_at_their_means_and_lines_span_their_intervals():
    table = means_table(["<b>", "b"], (MEAN[0], LOW[0], HIGH[0]))
    spec = means_chart(table, "logits").to_dict()
    rows = [row for row in rows_of(means_chart(table, "logits")) if "mean" in row]
    assert [(row["name"], row["low"], row["high"]) for row in rows] == [
        ("<b>", 0.4, 0.7),
        ("b", -0.35, pytest.approx(-0.05)),
    ]
    (span,) = (
        layer
        for layer in spec["layer"]
        if layer["mark"]["type"] == "rule" and "x2" in layer["encoding"]
    )
    assert span["encoding"]["x"]["field"] == "low"
    assert span["encoding"]["x2"]["field"] == "high"
    with pytest.raises(ValueError, match="1 names, but 2 means"):
        means_table(["a"], (MEAN[0], LOW[0], HIGH[0]))


def test_each_line_of_the_lens_has_its_own_numbers():
    means = np.array([[0.0, 1.0], [0.0, -1.0]])
    table = lens_table(["embedding", "L0 MLP"], means, means - 0.1, means + 0.1)
    assert len(rows_of(lens_chart(table, "logits"))) == 4
    found = table.set_index(["line", "name"])["mean"]
    assert found[LINES[0], "L0 MLP"] == 1.0
    assert found[LINES[1], "L0 MLP"] == -1.0


def test_a_place_where_the_texts_differ_is_marked():
    texts = [["a", " girl", "!"], ["a", " boy", "!"]]
    assert place_names(texts) == ["0 a", "1 ·girl …", "2 !"]
    with pytest.raises(ValueError, match="longer"):
        place_names([["a"], ["a", "b"]])
