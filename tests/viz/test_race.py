"""The figures of the Training page's race and of a step's time, on their data."""

import numpy as np
import pytest

from viz.race import Track, race_curve, race_table
from viz.step_time import step_bar, step_table


def test_each_racer_has_a_line_over_seconds_and_dots_of_held_out_text():
    tracks = [
        Track("default", np.arange(5.0), np.arange(5.0)[::-1], [(2.0, 2.5)]),
        Track("gpt2", np.arange(3.0), np.array([4.0, np.inf, 2.0]), []),
    ]
    table = race_table(tracks)
    assert len(table[(table.racer == "default") & (table.what == "training")]) == 5
    assert len(table[(table.racer == "gpt2")]) == 2  # what is not finite is left out
    dots = table[table.what == "held out"]
    assert dots[["seconds", "loss"]].to_numpy().tolist() == [[2.0, 2.5]]


def test_the_race_is_drawn_with_its_baselines_before_and_after_the_first_step():
    empty = Track("gpt2", np.array([]), np.array([]), [])
    one = Track("default", np.arange(2.0), np.arange(2.0), [])
    spec = race_curve([one, empty], {"uniform": 4.1, "bigram": 2.2}).to_dict()
    assert "uniform 4.10" in str(spec)
    assert race_curve([empty, empty]).to_dict()


def test_a_steps_parts_are_named_with_milliseconds_and_shares():
    table = step_table({"data": 0.0, "forward": 10.0, "backward": 30.0})
    assert table["name"].tolist()[1:] == ["forward 10 ms, 25%", "backward 30 ms, 75%"]
    assert table["share"].sum() == pytest.approx(1)
    assert step_bar({"forward": 1.0}).to_dict()
    assert step_table({"other": 0.0})["share"].tolist() == [0.0]


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="lunch"):
        step_table({"lunch": 1.0})
