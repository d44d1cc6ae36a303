"""Products in half the bits: near the whole ones, and only where they are asked for."""

import pytest
import torch
from torch.nn import functional as F

from minigpt.config import TrainConfig
from minigpt.training.precision import (
    HalfLinears,
    cpu_multiplies_half,
    in_precision,
    uses_half,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("with_bias", [False, True])
def test_a_half_product_and_its_gradients_are_near_the_whole_ones(with_bias):
    torch.manual_seed(0)
    arguments = [torch.randn(3, 5, 16), torch.randn(8, 16)]
    arguments += [torch.randn(8)] if with_bias else []
    results = []
    for half in (False, True):
        inputs = [each.clone().requires_grad_() for each in arguments]
        if half:
            with HalfLinears():
                out = F.linear(*inputs)
        else:
            out = F.linear(*inputs)
        out.square().sum().backward()
        results.append([out, *(each.grad for each in inputs)])
    for whole, half in zip(*results, strict=True):
        assert half.dtype == torch.float32
        assert not torch.equal(whole, half)
        assert (whole - half).norm() < 0.02 * whole.norm()


def test_it_is_what_rounding_the_factors_gives():
    x, weight = torch.randn(4, 16), torch.randn(8, 16)
    with HalfLinears():
        out = F.linear(x, weight)
    exact = x.bfloat16().double() @ weight.bfloat16().double().T
    torch.testing.assert_close(out.double(), exact, rtol=2**-7, atol=2**-7)


def test_other_products_stay_whole():
    x = torch.randn(4, 16)
    with HalfLinears():
        assert torch.equal(x @ x.T, torch.mm(x, x.T))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_half_is_used_where_asked_for_or_where_it_pays(precision):
    config = TrainConfig(precision=precision)
    expected = {"float32": False, "bfloat16": True, "auto": cpu_multiplies_half()}
    assert uses_half(config, CPU) == expected[precision]
    with in_precision(config, CPU):
        assert not torch.is_autocast_enabled("cpu")
        x, weight = torch.full((1, 1), 1.001), torch.ones(1, 1)
        assert (F.linear(x, weight).item() == 1.0) == expected[precision]
