"""Sizes on logarithmic axes: what is drawn is what was given."""

import math

import numpy as np
import pytest

from viz.learning.scaling import (
    GUESS,
    LINE,
    TRAINED,
    SizePoint,
    SizeTrack,
    scaling_chart,
    tokens_chart,
    tokens_table,
)

POINTS = [
    SizePoint(1000, 2.0, TRAINED),
    SizePoint(4000, 1.0, TRAINED),
    SizePoint(16000, 0.5, LINE),
    SizePoint(16000, 0.7, GUESS),
]


def axes(chart):
    encoding = chart["layer"][-1]["encoding"]
    return encoding["x"], encoding["y"]


def test_every_size_and_both_predictions_are_marks_on_logarithmic_axes():
    chart = scaling_chart(POINTS, [(1000, 2.0), (16000, 0.5)]).to_dict()
    rows = next(rows for rows in chart["datasets"].values() if len(rows) == 4)
    assert [tuple(row.values()) for row in rows] == POINTS
    for axis, values in zip(axes(chart), ((1000, 16000), (0.5, 2.0)), strict=True):
        assert axis["scale"]["type"] == "log"
        low, high = axis["scale"]["domain"]
        assert low < values[0]
        assert values[1] < high
        steps = np.diff(np.log(axis["axis"]["values"]))
        assert steps == pytest.approx([steps[0]] * len(steps))


def test_the_axes_leave_room_for_what_is_still_to_come():
    chart = scaling_chart(POINTS[:2], [], room=(64000, 0.2)).to_dict()
    x, y = axes(chart)
    assert x["scale"]["domain"][1] > 64000
    assert y["scale"]["domain"][0] < 0.2


def test_curves_are_thinned_by_factors_and_name_their_size():
    tokens = np.arange(1.0, 5001.0)
    losses = np.array([4 / math.sqrt(each) for each in tokens])
    tracks = [SizeTrack("1 k", tokens, losses), SizeTrack("4 k", tokens, losses / 2)]
    table = tokens_table(tracks)
    assert set(table["size"]) == {"1 k", "4 k"}
    assert len(table) <= 240
    # As much of the picture belongs to the first tokens as to the last.
    assert (table["tokens"] < 70).sum() > len(table) / 3
    x, y = axes(tokens_chart(tracks).to_dict())
    assert x["scale"]["type"] == y["scale"]["type"] == "log"
