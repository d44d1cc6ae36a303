"""Pictures of tokens carry every number, and no name covers another."""

import numpy as np
import pytest

from viz import embedding_drift as drift
from viz import embeddings as viz

PIECES = [" cat", " dog", "<b>", "x.[0]"]
POINTS = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [-1.0, 0.5, 0.0], [2.0, 2.0, 2.0]])
MARKS = ["chosen", "nearest", "other", "other"]


def rows(chart) -> list[dict]:
    spec = chart.to_dict()
    return [row for table in spec["datasets"].values() for row in table]


def test_bars_are_as_long_as_the_cosines_and_show_negative_ones():
    chart = viz.neighbour_bars(PIECES[:2], np.array([0.75, -0.25]), chance=0.3)
    bars = [row for row in rows(chart) if "cosine" in row]
    assert [row["cosine"] for row in bars] == [0.75, -0.25]
    assert [row["token"] for row in bars] == ["·cat 0.750", "·dog -0.250"]
    assert {"chance": 0.3} in rows(chart)
    domain = chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain == [-0.25, 1]


def test_every_point_is_in_the_scatter_with_its_share_on_the_axes():
    table = viz.point_table(PIECES, POINTS, MARKS)
    chart = viz.scatter(table, [0.5, 0.125, 0.1])
    drawn = {row["token"]: (row["c1"], row["c2"]) for row in rows(chart)}
    assert drawn == {"·cat": (0, 1), "·dog": (3, 4), "<b>": (-1, 0.5), "x.[0]": (2, 2)}
    titles = [chart.to_dict()["layer"][0]["encoding"][axis]["title"] for axis in "xy"]
    assert titles == [
        "component 1 (50.0% of the variance)",
        "component 2 (12.5% of the variance)",
    ]


def test_points_on_a_line_have_a_second_place_of_zero():
    table = viz.point_table(PIECES, POINTS[:, :1], MARKS)
    assert table["c2"].tolist() == [0, 0, 0, 0]
    assert viz.component_titles([1.0])[1] == "component 2 (0.0% of the variance)"


def test_names_never_overlap_and_the_chosen_one_has_its_own():
    crowd = viz.point_table(["aa"] * 5, np.zeros((5, 2)), ["other"] * 4 + ["chosen"])
    assert viz.free_names(crowd) == [False] * 4 + [True]
    apart = viz.point_table(PIECES, POINTS, MARKS)
    assert viz.free_names(apart) == [True] * 4
    side = np.array([[0.0, 0.0], [0.01, 0.0], [1.0, 0.0]])
    beside = viz.point_table(["abc", "d", "e"], side, ["other"] * 3)
    assert viz.free_names(beside) == [True, False, True]


def test_three_dimensions_hold_three_components_and_no_markup():
    table = viz.point_table(PIECES, POINTS, MARKS)
    figure = viz.scatter_3d(table, [0.5, 0.2, 0.1])
    assert [len(trace.x) for trace in figure.data] == [1, 1, 2]
    assert list(figure.data[2].z) == [0.0, 2.0]
    assert figure.data[2].text[0] == "&lt;b>"
    assert figure.layout.scene.zaxis.title.text == "component 3 (10.0%)"


def test_the_training_is_drawn_step_by_step_in_one_colour_a_token():
    cosines = np.array([[1.0, 0.2], [1.0, 0.9]])
    paths = np.arange(8.0).reshape(2, 2, 2)
    table = drift.drift_table([0, 10], [" cat", " dog"], cosines, paths)
    lines = drift.drift_lines(table, " cat", now=10)
    drawn = [row["cosine"] for row in rows(lines) if "cosine" in row]
    assert drawn == [0.2, 0.9]
    ways = drift.drift_paths(table, [0.5, 0.2], now=10)
    last = [row for row in rows(ways) if row["step"] == 10]
    assert [(row["token"], row["c1"]) for row in last] == [("·cat", 4), ("·dog", 6)]
    one, other = (
        figure.to_dict()["layer"][0]["encoding"]["color"]["scale"]
        for figure in (lines, ways)
    )
    assert one == other


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: viz.point_table(PIECES, POINTS, MARKS[:2]), "4 points and 2 marks"),
        (lambda: viz.point_table(PIECES, POINTS, ["best"] * 4), "not {'best'}"),
        (
            lambda: drift.drift_table(
                [1], PIECES, np.zeros((2, 4)), np.zeros((1, 4, 2))
            ),
            "1 steps of 4 tokens",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
