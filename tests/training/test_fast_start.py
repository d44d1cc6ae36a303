"""Optimizers that are begun without torch's compiler take torch's own steps."""

import pytest
import torch
from torch import nn

from minigpt.training import fast_start


def weights_after(kind, options, begun=None):
    """Take three steps on a small task; return the weights and the state."""
    torch.manual_seed(3)
    layer = nn.Linear(5, 4)
    optimizer = kind([{"params": layer.weight}], lr=0.01, **options)
    optimizer.add_param_group({"params": layer.bias, "lr": 0.02})
    if begun is not None:
        optimizer.load_state_dict(begun)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(6, 5)).square().sum().backward()
        optimizer.step()
    return [part.tolist() for part in layer.parameters()], optimizer.state_dict()


@pytest.mark.parametrize(
    ("name", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {})]
)
def test_the_steps_are_torchs_and_either_goes_on_from_the_other(name, options):
    ours, torchs = getattr(fast_start, name), getattr(torch.optim, name)
    weights, state = weights_after(ours, options)
    expected, torchs_state = weights_after(torchs, options)
    assert weights == expected
    further, _ = weights_after(ours, options, torchs_state)
    assert further == weights_after(torchs, options, state)[0] != weights


def test_a_closure_computes_the_gradient_that_the_step_takes():
    weight = nn.Parameter(torch.ones(2))
    optimizer = fast_start.SGD([weight], lr=0.5)

    def closure():
        loss = weight.square().sum() / 2
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert weight.tolist() == [0.5, 0.5]
