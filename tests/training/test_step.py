"""One step: a gradient that is right however the batch is cut, or refused."""

import math

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.errors import RunError
from minigpt.training.distributed import Team
from minigpt.training.loss import IGNORED, count_labels, language_model_loss
from minigpt.training.optimizer import build_optimizer
from minigpt.training.step import (
    StepSetup,
    accumulate_gradient,
    plain_step,
    take_step,
)

ALONE = Team(rank=0, size=1, device=torch.device("cpu"))


@pytest.fixture
def batch():
    """Rows with very different numbers of labels."""
    tokens = torch.randint(30, (6, 13), generator=torch.Generator().manual_seed(2))
    inputs, labels = tokens[:, :-1], tokens[:, 1:].clone()
    for row in range(6):
        labels[row, 2 * row + 1 :] = IGNORED
    return inputs, labels


def gradient(model, batch, **settings):
    number = int(count_labels(batch[1]))
    setup = StepSetup(TrainConfig(**settings), ALONE)
    loss, _ = accumulate_gradient(model, batch, number, setup)
    return loss, {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("parts", [2, 3, 4, 6, 100])
def test_accumulated_parts_give_the_gradient_of_the_whole_batch(
    new_model, batch, parts
):
    whole_loss, whole = gradient(new_model(dropout=0.0), batch)
    loss, accumulated = gradient(
        new_model(dropout=0.0), batch, accumulation_steps=parts
    )
    assert loss == pytest.approx(whole_loss, abs=1e-6)
    for name, expected in whole.items():
        torch.testing.assert_close(accumulated[name], expected, atol=1e-6, rtol=1e-5)


def test_the_gradient_is_that_of_the_mean_over_all_labels(new_model, batch):
    loss, accumulated = gradient(new_model(dropout=0.0), batch)
    model = new_model(dropout=0.0)
    expected = language_model_loss(model(batch[0]), batch[1])
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-6)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(accumulated[name], parameter.grad)


def test_gradient_checkpointing_gives_equal_gradients_dropout_included(
    new_model, batch
):
    def one_step(checkpointing):
        model = new_model(dropout=0.3)
        model.gradient_checkpointing = checkpointing
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        outcome = take_step(model, optimizer, batch, 0, StepSetup(TrainConfig(), ALONE))
        return outcome, [p.grad for p in model.parameters()]

    plain, recomputed = one_step(False), one_step(True)
    assert plain[0] == recomputed[0]
    for expected, got in zip(plain[1], recomputed[1], strict=True):
        torch.testing.assert_close(got, expected)


def test_clipping_bounds_the_step_and_reports_the_norm_before(new_model, batch):
    model = new_model()
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    config = TrainConfig(gradient_clip=1e-3)
    outcome = take_step(model, optimizer, batch, 0, StepSetup(config, ALONE))
    after = torch.nn.utils.parameters_to_vector(model.parameters())
    assert outcome.gradient_norm > 1e-2
    assert (after - before).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_without_a_limit_nothing_is_clipped(new_model, batch):
    model = new_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    config = TrainConfig(gradient_clip=0.0)
    outcome = take_step(model, optimizer, batch, 0, StepSetup(config, ALONE))
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    assert outcome.gradient_norm == pytest.approx(norm, rel=1e-4)


def test_bfloat16_changes_the_products_and_not_the_weights(new_model, batch):
    model = new_model()
    full, _ = gradient(new_model(dropout=0.0), batch)
    half, gradients = gradient(new_model(dropout=0.0), batch, precision="bfloat16")
    assert half != full
    assert half == pytest.approx(full, abs=0.02)
    assert {g.dtype for g in gradients.values()} == {torch.float32}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_blocks_can_be_recomputed_in_half_precision(new_model, batch):
    results = []
    for checkpointing in (False, True):
        model = new_model(dropout=0.0)
        model.gradient_checkpointing = checkpointing
        settings = {"precision": "bfloat16", "gradient_checkpointing": checkpointing}
        results.append(gradient(model, batch, **settings))
    (loss, gradients), (again, recomputed) = results
    assert again == pytest.approx(loss, abs=0.02)
    for name, value in gradients.items():
        assert (recomputed[name] - value).norm() <= 0.05 * value.norm(), name


def test_dropout_depends_on_seed_and_step_and_nothing_else(new_model, batch):
    def loss(seed, step, disturb=0):
        model = new_model(dropout=0.5)
        torch.rand(disturb)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        setup = StepSetup(TrainConfig(seed=seed), ALONE)
        return take_step(model, optimizer, batch, step, setup).loss

    assert loss(1, 5) == loss(1, 5, disturb=17)
    assert len({loss(1, 5), loss(1, 6), loss(2, 5)}) == 3


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_no_number_leaves_the_weights_alone(new_model, batch, poison):
    model = new_model(norm_affine=True)
    model.token_embedding.weight.data[0, 0] = poison
    batch[0][:] = 0
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with pytest.raises(RunError, match=r"at step 8.*learning rate"):
        take_step(model, optimizer, batch, 7, StepSetup(TrainConfig(), ALONE))
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.nan_to_num(), old.nan_to_num())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("parts", [1, 3])
def test_the_trainers_step_is_the_plain_step(new_model, batch, optimizer, parts):
    config = TrainConfig(
        optimizer=optimizer,
        accumulation_steps=parts,
        gradient_clip=0.1,
        precision="float32",
    )
    plain, ours = new_model(dropout=0.0), new_model(dropout=0.0)
    optimizers = [build_optimizer(model, config) for model in (plain, ours)]
    for step in range(3):
        expected = plain_step(plain, optimizers[0], batch, config.gradient_clip)
        outcome = take_step(ours, optimizers[1], batch, step, StepSetup(config, ALONE))
        assert outcome.loss == pytest.approx(expected, abs=1e-4)
    for own, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own, other, atol=1e-3, rtol=1e-3)
