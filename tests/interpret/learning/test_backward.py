"""The loss and the gradients of a prompt, against torch's own backward pass."""

import math

import numpy as np
import pytest
import torch
from interpret.learning.small_models import SHAPES, TOKENS, models
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.interpret.learning.backward import backward_pass, hooks_on_the_way
from minigpt.model import create_model


@pytest.mark.parametrize("name", [*SHAPES, "mlp"])
def test_losses_and_gradients_are_those_of_autograd(name):
    model = models()[name]
    found = backward_pass(model, TOKENS)
    kept = []

    def keep(value, hook):
        value.retain_grad()
        kept.append(value)

    model.requires_grad_(True)
    ids = torch.tensor([TOKENS])
    logits = model.run_with_hooks(ids, [(found.hooks[:-1], keep)])
    logits.retain_grad()
    losses = F.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
    losses.mean().backward()
    np.testing.assert_allclose(found.losses, losses.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(found.probabilities, np.exp(-found.losses))
    assert found.loss == pytest.approx(losses.mean().item(), rel=1e-5)
    for column, value in enumerate([*kept, logits]):
        gradient = value.grad[0]
        expected = gradient.flatten(1).norm(dim=-1).numpy()
        np.testing.assert_allclose(found.norms[:, column], expected, atol=1e-6)
        for position, places in enumerate(found.peaks):
            peak = abs(value.grad[places[column]])
            assert peak == gradient[position].abs().max()


def test_the_hooks_are_in_the_order_of_the_computation():
    for model in models().values():
        hooks = hooks_on_the_way(model)
        order = [*model.hook_points, "logits"]
        assert hooks == sorted(hooks, key=order.index)


def test_a_shared_model_stays_frozen_and_as_it_was():
    model = models()["relative"]
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    with torch.inference_mode():
        backward_pass(model, TOKENS)
    for name, weight in model.named_parameters():
        assert not weight.requires_grad
        assert weight.grad is None
        assert torch.equal(weight, before[name])


def test_nothing_depends_on_the_last_token():
    found = backward_pass(models()["relative"], TOKENS)
    assert found.norms[-1] == pytest.approx(0)
    assert (found.norms[:-1] > 0).all()


def test_a_model_that_knows_nothing_pays_the_logarithm_of_its_vocabulary():
    torch.manual_seed(0)
    model = create_model("transformer", vocab_size=11, d_model=16).eval()
    assert backward_pass(model, TOKENS).loss == pytest.approx(math.log(11), abs=0.2)


def test_one_token_is_too_few():
    with pytest.raises(DataError, match="1 token"):
        backward_pass(models()["rope"], [4])
