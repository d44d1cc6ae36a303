"""What the figures of the Compare page are drawn from."""

import numpy as np
import pytest

from viz.comparison import (
    expected_bars,
    expected_table,
    loss_table,
    tensor_bars,
    tensor_table,
)


def test_each_piece_has_both_losses_and_their_difference():
    table = loss_table([" a", " a"], np.array([np.nan, 2.0]), np.array([np.nan, 0.5]))
    assert table["piece"].tolist() == ["0 ·a", "1 ·a"]
    assert table["change (nats)"].tolist()[1] == -1.5
    with pytest.raises(ValueError, match="1 pieces, 2 losses before"):
        loss_table(["a"], np.zeros(2), np.zeros(1))


def test_the_token_that_came_is_told_from_the_others():
    table = expected_table([" cat", " dog"], [0.6, 0.0002], came=1)
    assert table["came"].tolist() == [False, True]
    assert table["label"].tolist() == ["0 ·cat  0.600", "1 ·dog  <0.001"]
    spec = expected_bars([" cat", " dog"], [0.6, 0.0002], None).to_dict()
    assert spec["encoding"]["x"]["scale"]["domain"] == [0, 1]
    with pytest.raises(ValueError, match="1 pieces but 2"):
        expected_table(["a"], [0.5, 0.5], None)
    with pytest.raises(ValueError, match=r"one is 1\.2"):
        expected_table(["a"], [1.2], None)


def test_the_largest_tensors_come_first_and_unknown_ones_not_at_all():
    names = [f"block.{n}" for n in range(20)]
    values = np.arange(20.0)
    values[19] = np.nan
    chart = tensor_bars(names, values, "relative change")
    drawn = chart.data["tensor"].tolist()
    assert drawn == [f"block.{n}" for n in range(18, 2, -1)]
    assert chart.to_dict()["encoding"]["x"]["field"] == "relative change"
    assert len(tensor_table(names, values, "norm")) == 20
    with pytest.raises(ValueError, match="20 names but 2 values"):
        tensor_table(names, values[:2], "norm")
