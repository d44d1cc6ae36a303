"""Sizes asked of a skeleton, against published counts and torch's own counter."""

from time import process_time

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minigpt.config import MLPConfig, ModelConfig
from minigpt.model import create_model
from minigpt.model.sizes import num_parameters, skeleton, training_flops_per_token
from minigpt.training.loss import language_model_loss

GPT2 = {"vocab_size": 50257, "d_model": 768, "num_layers": 12, "num_heads": 12}
LLAMA = {
    "vocab_size": 32_000,
    "norm": "rmsnorm",
    "activation": "swiglu",
    "positional_encoding": "rope",
    "bias": False,
    "tie_embeddings": False,
}
LLAMA_2_7B = LLAMA | {
    "d_model": 4096,
    "num_layers": 32,
    "num_heads": 32,
    "d_ff": 11_008,
    "max_seq_len": 4096,
}
TINY_LLAMA = LLAMA | {
    "d_model": 2048,
    "num_layers": 22,
    "num_heads": 32,
    "num_kv_heads": 4,
    "d_ff": 5632,
    "max_seq_len": 2048,
}
PUBLISHED = {
    "GPT-2": (GPT2 | {"max_seq_len": 1024}, 124_439_808),
    "Llama 2 7B": (LLAMA_2_7B, 6_738_415_616),
    "TinyLlama": (TINY_LLAMA, 1_100_048_384),
}
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


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_as_many_as_published(name):
    settings, published = PUBLISHED[name]
    assert num_parameters(ModelConfig(**settings)) == published


@pytest.mark.parametrize("num_layers", [1, 2, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_a_skeleton_of_two_blocks_stands_for_any_number(name, num_layers):
    kind, changes = SHAPES[name]
    model = create_model(kind, **SMALL | changes | {"num_layers": num_layers})
    count = sum(weight.numel() for weight in model.parameters())
    assert num_parameters(model.config) == count


def test_a_skeleton_takes_no_memory_and_has_the_shapes_of_the_model():
    settings = SMALL | {"positional_encoding": "rope"}
    model = create_model("transformer", **settings)
    empty = skeleton(type(model), settings)
    assert all(tensor.is_meta for tensor in [*empty.parameters(), *empty.buffers()])
    for own, other in (
        (empty.named_parameters(), model.named_parameters()),
        (empty.named_buffers(), model.named_buffers()),
    ):
        shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in own}
        assert shapes == {name: (one.shape, one.dtype) for name, one in other}


def test_a_new_size_is_counted_faster_than_a_slider_moves():
    num_parameters(ModelConfig(**LLAMA_2_7B))  # what is imported once does not count
    seconds = []
    for layers in (20, 21, 22):
        config = ModelConfig(**LLAMA_2_7B | {"num_layers": layers})
        begin = process_time()
        num_parameters(config)
        training_flops_per_token(config)
        seconds.append(process_time() - begin)
    assert min(seconds) < 0.05


@pytest.mark.parametrize("name", SHAPES)
def test_the_formula_counts_what_torch_counts(name):
    kind, changes = SHAPES[name]
    model = create_model(kind, **SMALL | changes)
    tokens = torch.randint(65, (3, 16))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        language_model_loss(model(tokens), tokens).backward()
    assert training_flops_per_token(model.config) == counter.get_total_flops() / 48


def test_gpt2_needs_what_the_papers_formula_says():
    config = ModelConfig(**GPT2, max_seq_len=1024)
    matrices = 12 * 12 * 768**2 + 50257 * 768
    attention = 12 * 12 * 768 * 1024
    assert training_flops_per_token(config) == 6 * matrices + attention


def test_lookups_cost_nothing():
    one = MLPConfig(vocab_size=100, d_model=8)
    assert training_flops_per_token(one) < 6 * num_parameters(one)
