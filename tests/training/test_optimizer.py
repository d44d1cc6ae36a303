"""The optimizers: the mathematics, the division of labour, the memory."""

import copy

import pytest
import torch
from torch import nn

from minigpt.config import TrainConfig
from minigpt.model import TransformerLM, create_model
from minigpt.training.loss import language_model_loss
from minigpt.training.optimizer import (
    Muon,
    OptimizerPair,
    build_optimizer,
    orthogonalize,
    orthogonalize_by_gram,
)
from minigpt.training.schedule import build_schedule

SIZES = {"vocab_size": 20, "d_model": 16, "num_layers": 2, "num_heads": 2}


def train_a_little(model, optimizer, steps, scheduler=None):
    losses = []
    for step in range(steps):
        tokens = torch.randint(
            20, (4, 9), generator=torch.Generator().manual_seed(step)
        )
        loss = language_model_loss(model(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("form", [orthogonalize, orthogonalize_by_gram])
@pytest.mark.parametrize("shape", [(16, 16), (16, 64), (48, 16)])
def test_orthogonalize_keeps_the_directions_and_evens_out_their_sizes(shape, form):
    torch.manual_seed(0)
    matrices = torch.randn(3, *shape)
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    projected = u.mT @ form(matrices) @ vh.mT
    diagonal = projected.diagonal(dim1=-2, dim2=-1)
    assert diagonal.min() > 0.3
    assert diagonal.max() < 1.3
    assert (projected - torch.diag_embed(diagonal)).abs().max() < 0.02


@pytest.mark.parametrize("shape", [(8, 8), (8, 24), (24, 8)])
def test_the_gram_form_equals_the_iteration_it_abbreviates(shape):
    torch.manual_seed(0)
    matrices = torch.randn(2, *shape)
    fast, plain = orthogonalize_by_gram(matrices), orthogonalize(matrices)
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-3)


def test_orthogonalize_takes_a_zero_gradient():
    assert orthogonalize_by_gram(torch.zeros(1, 4, 4)).abs().max() == 0


def test_muon_steps_a_batch_of_matrices_as_it_steps_each_alone():
    torch.manual_seed(0)
    together = [torch.nn.Parameter(torch.randn(6, 4)) for _ in range(3)]
    alone = copy.deepcopy(together)
    optimizers = [Muon(together, weight_decay=0.1)]
    optimizers += [Muon([parameter], weight_decay=0.1) for parameter in alone]
    for _ in range(3):
        for parameter, twin in zip(together, alone, strict=True):
            parameter.grad = torch.randn(6, 4)
            twin.grad = parameter.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for parameter, twin in zip(together, alone, strict=True):
        torch.testing.assert_close(parameter, twin)


def test_muon_takes_the_steps_of_its_formula():
    """The matrices' own singular vectors stand in for the iteration."""
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(12, 4))
    optimizer = Muon([parameter], lr=0.1, momentum=0.9, weight_decay=0.5)
    weight, memory = parameter.detach().clone(), torch.zeros(12, 4)
    for _ in range(3):
        gradient = torch.randn(12, 4)
        parameter.grad = gradient.clone()
        optimizer.step()
        memory = 0.9 * memory + 0.1 * gradient
        u, _, vh = torch.linalg.svd(0.1 * gradient + 0.9 * memory, full_matrices=False)
        moved = (weight * (1 - 0.1 * 0.5) - parameter.detach()) / (0.1 * 3**0.5)
        diagonal = (u.mT @ moved @ vh.mT).diagonal()
        assert diagonal.min() > 0.3
        assert diagonal.max() < 1.3
        torch.testing.assert_close(u @ diagonal.diag() @ vh, moved, atol=0.02, rtol=0)
        weight = parameter.detach().clone()


def test_muon_gets_hidden_matrices_and_adamw_all_else():
    model = create_model(
        "transformer",
        **SIZES,
        positional_encoding="relative",
        tie_embeddings=False,
        token_shift=True,
        value_embeddings=True,
    )
    muon, adamw = build_optimizer(model, TrainConfig(optimizer="muon")).parts
    names = {id(p): name for name, p in model.named_parameters()}
    of_muon = {names[id(p)] for g in muon.param_groups for p in g["params"]}
    of_adamw = {names[id(p)] for g in adamw.param_groups for p in g["params"]}
    assert of_muon | of_adamw == set(names.values())
    assert not of_muon & of_adamw
    assert {n.split(".", 2)[2] for n in of_muon} == {
        "attn.qkv.weight",
        "attn.output.weight",
        *(n.split(".", 2)[2] for n in of_muon if ".mlp." in n),
    }
    assert len(of_muon) == 2 * 4


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_weight_decay_leaves_norms_biases_and_bias_tables_alone(kind):
    model = create_model("transformer", **SIZES, positional_encoding="relative")
    optimizer = build_optimizer(model, TrainConfig(optimizer=kind, weight_decay=0.5))
    names = {id(p): name for name, p in model.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            matrix = parameter.ndim == 2 and "bias_table" not in names[id(parameter)]
            assert group["weight_decay"] == (0.5 if matrix else 0.0)


@pytest.mark.parametrize("model_type", ["transformer", "mlp"])
@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_both_optimizers_overfit_one_batch(kind, model_type):
    torch.manual_seed(0)
    model = create_model(model_type, vocab_size=20, d_model=32, num_layers=2)
    config = TrainConfig(optimizer=kind, learning_rate=1e-2, weight_decay=0.0)
    optimizer = build_optimizer(model, config)
    tokens = torch.randint(20, (4, 13))
    for _ in range(100):
        loss = language_model_loss(model(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_an_optimizer_restored_from_its_state_goes_on_as_if_never_interrupted(kind):
    config = TrainConfig(optimizer=kind)

    def beginning():
        torch.manual_seed(0)
        model = create_model("transformer", **SIZES)
        optimizer = build_optimizer(model, config)
        return model, optimizer, build_schedule(optimizer, config, 20)

    model, optimizer, scheduler = beginning()
    train_a_little(model, optimizer, 5, scheduler)
    saved = copy.deepcopy(
        (model.state_dict(), optimizer.state_dict(), scheduler.state_dict())
    )
    expected = train_a_little(model, optimizer, 5, scheduler)

    model, optimizer, scheduler = beginning()
    model.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    scheduler.load_state_dict(saved[2])
    assert train_a_little(model, optimizer, 5, scheduler) == expected


def test_the_schedule_reaches_both_parts_even_after_loading():
    model = create_model("transformer", **SIZES)
    optimizer = build_optimizer(model, TrainConfig(optimizer="muon"))
    assert isinstance(optimizer, OptimizerPair)
    optimizer.load_state_dict(optimizer.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 0.123
    assert {g["lr"] for part in optimizer.parts for g in part.param_groups} == {0.123}


@pytest.mark.parametrize("kv_heads", [None, 2])
def test_split_queries_keys_and_values_step_as_three_matrices_would(kv_heads):
    config = TrainConfig(optimizer="muon", muon_splits_qkv=True, weight_decay=0.0)
    sizes = {"d_model": 32, "num_layers": 2, "num_heads": 4, "max_seq_len": 16}
    model = TransformerLM(vocab_size=50, num_kv_heads=kv_heads, bias=False, **sizes)
    name, packed = "blocks.1.attn.qkv.weight", model.blocks[1].attn.qkv.weight
    parts = packed.detach().clone().split(model.blocks[1].attn.widths)
    alone = [nn.Parameter(part.clone()) for part in parts]
    expected = Muon(alone, lr=config.muon_learning_rate)
    optimizer = build_optimizer(model, config)
    for seed in range(2):
        torch.manual_seed(seed)
        model(torch.randint(50, (2, 9))).logsumexp(-1).sum().backward()
        gradients = packed.grad.split(model.blocks[1].attn.widths)
        for part, gradient in zip(alone, gradients, strict=True):
            part.grad = gradient.clone()
        optimizer.step()
        expected.step()
        optimizer.zero_grad()
    torch.testing.assert_close(packed, torch.cat(alone), msg=name)
