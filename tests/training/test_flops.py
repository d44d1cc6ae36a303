"""Arithmetic counted from the sizes, against torch's own counter."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minigpt.config import MLPConfig, ModelConfig
from minigpt.model import create_model
from minigpt.training.flops import (
    measured_peak,
    product_speed,
    training_flops_per_token,
)
from minigpt.training.loss import language_model_loss

SMALL = {"vocab_size": 65, "d_model": 32, "num_layers": 2, "max_seq_len": 16}
SHAPES = {
    "gpt2": ("transformer", {"num_heads": 4}),
    "groups": (
        "transformer",
        {"num_heads": 4, "num_kv_heads": 2, "activation": "swiglu", "num_layers": 3},
    ),
    "attention only": ("transformer", {"num_heads": 2, "d_ff": 0}),
    "untied relative": (
        "transformer",
        {"num_heads": 2, "tie_embeddings": False, "positional_encoding": "relative"},
    ),
    "mlp": ("mlp", {"d_ff": 24, "context_size": 4}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_formula_counts_what_torch_counts(name):
    kind, changes = SHAPES[name]
    model = create_model(kind, **SMALL | changes)
    tokens = torch.randint(65, (3, 16))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        language_model_loss(model(tokens), tokens).backward()
    assert training_flops_per_token(model.config) == counter.get_total_flops() / 48


def test_gpt2_needs_what_the_papers_formula_says():
    config = ModelConfig(
        vocab_size=50257, d_model=768, num_layers=12, num_heads=12, max_seq_len=1024
    )
    matrices = 12 * 12 * 768**2 + 50257 * 768
    attention = 12 * 12 * 768 * 1024
    assert training_flops_per_token(config) == 6 * matrices + attention


def test_lookups_cost_nothing():
    one = MLPConfig(vocab_size=100, d_model=8)
    assert training_flops_per_token(one) < 6 * one.num_parameters


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_peak_is_measured_in_the_format_of_the_training(dtype):
    assert measured_peak(dtype=dtype, seconds=0.01) > 0


def test_the_best_of_several_tries_counts():
    operations = 2 * 8 * 4 * 2
    left, right = torch.ones(8, 4), torch.ones(4, 2)
    assert 0 < product_speed(left, right, seconds=0.0) < operations / 1e-9
