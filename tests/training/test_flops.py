"""How fast this machine multiplies, measured."""

import pytest
import torch

from minigpt.training.flops import measured_peak, product_speed


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_peak_is_measured_in_the_format_of_the_training(dtype):
    assert measured_peak(dtype=dtype, seconds=0.01) > 0


def test_the_best_of_several_tries_counts():
    operations = 2 * 8 * 4 * 2
    left, right = torch.ones(8, 4), torch.ones(4, 2)
    assert 0 < product_speed(left, right, seconds=0.0) < operations / 1e-9
