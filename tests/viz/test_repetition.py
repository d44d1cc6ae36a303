"""The figure of learning to copy, on its data."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from viz.repetition import LINES, copying_curve, copying_table, pattern_picture

COLUMNS = {
    "step": [0, 50, 100],
    "first_loss": [4.0, 4.5, 4.1],
    "second_loss": [4.0, 1.5, 0.1],
    "induction": [0.0, 0.6, 0.9],
    "previous_token": [0.1, 0.4, 0.7],
}


def rows(chart):
    """Return every row of every data set behind a chart."""
    spec = chart.to_dict()
    return [row for rows in spec["datasets"].values() for row in rows]


def test_every_number_stands_behind_the_figure_with_its_line():
    table = copying_table(COLUMNS)
    assert len(table) == 3 * len(LINES)
    second = table[table["line"] == LINES["second_loss"]]
    assert second["value"].tolist() == COLUMNS["second_loss"]
    assert set(second["axis"]) == {"loss"}
    assert set(table[table["line"] == LINES["induction"]]["axis"]) == {"score"}


def test_losses_and_scores_keep_their_own_axis_with_a_unit():
    spec = json.dumps(copying_curve(COLUMNS, last_step=100, uniform_loss=4.2).to_dict())
    assert "loss (nats per token)" in spec
    assert "score (share of weight)" in spec


def test_the_guess_and_the_half_ways_are_marked_where_they_are():
    chart = copying_curve(
        COLUMNS,
        last_step=100,
        uniform_loss=4.2,
        guess=70,
        halves={"second_loss": 50, "induction": 50},
    )
    assert {"guess": 70} in rows(chart)
    assert "your guess: 70" in json.dumps(chart.to_dict())
    points = [row for row in rows(chart) if row.get("step") == 50]
    lines = [row["line"] for row in points]
    assert lines.count(LINES["second_loss"]) == 2  # on the line, and as a dot
    assert lines.count(LINES["induction"]) == 2
    assert lines.count(LINES["first_loss"]) == 1


def test_before_the_run_there_is_an_axis_and_no_line():
    empty = {name: [] for name in COLUMNS}
    chart = copying_curve(empty, last_step=500, uniform_loss=4.2)
    assert "score (share of weight)" not in json.dumps(chart.to_dict())
    assert [row["loss"] for row in rows(chart) if "loss" in row] == [4.2]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"step": [0]}, "missing: first_loss"),
        ({**COLUMNS, "induction": [1]}, "3 steps"),
    ],
)
def test_columns_that_do_not_fit_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        copying_table(wrong)


@pytest.mark.parametrize("dark", [True, False])
def test_a_picture_is_as_opaque_as_the_weight(dark):
    pattern = np.array([[255, 0], [51, 204]], dtype=np.uint8)
    url = pattern_picture(pattern, side=7, dark=dark)
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    picture = np.asarray(Image.open(io.BytesIO(png)))
    assert picture.shape == (8, 8, 4)
    assert picture[::4, ::4, 3].tolist() == pattern.tolist()
    assert len({tuple(pixel) for pixel in picture[..., :3].reshape(-1, 3)}) == 1
