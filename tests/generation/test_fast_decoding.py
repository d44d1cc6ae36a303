"""One token at a time, without the modules: the same numbers as the model's forward."""

import numpy as np
import pytest
import torch
from torch import nn

from minigpt.config import GenerationConfig
from minigpt.generation import Sampler
from minigpt.generation.fast_decoding import Decoder
from minigpt.generation.window import Window
from minigpt.model import TransformerLM

SIZES = {"vocab_size": 31, "d_model": 32, "num_layers": 2, "num_heads": 4}
SETTINGS = [
    {"positional_encoding": "learned"},
    {"positional_encoding": "sinusoidal", "norm": "rmsnorm"},
    {"positional_encoding": "rope", "activation": "swiglu", "num_kv_heads": 2},
    {"positional_encoding": "alibi", "num_kv_heads": 1, "tie_embeddings": False},
    {"positional_encoding": "relative", "norm_affine": False, "bias": False},
    {"positional_encoding": "none", "qk_norm": True, "norm": "rmsnorm"},
    {"positional_encoding": "rope", "qk_norm": True, "activation": "relu2"},
    {"positional_encoding": "relative", "d_ff": 0, "relative_distances": 5},
]


def random_model(**settings) -> TransformerLM:
    torch.manual_seed(0)
    model = TransformerLM(**SIZES, max_seq_len=24, **settings).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@torch.inference_mode()
def test_a_decoded_token_has_the_logits_of_the_forward(settings, copies):
    model = random_model(**settings)
    texts = torch.randint(0, 31, (3, 24))
    expected = model(texts)
    cache = model.new_cache(3)
    model(texts[:, :5], cache)
    decoder = Decoder(model, 3, copies)
    for place in range(5, 24):
        logits = torch.from_numpy(decoder.next_logits(texts[:, place].numpy(), cache))
        torch.testing.assert_close(logits, expected[:, place], rtol=1e-4, atol=1e-4)
    assert cache.length == 24


@torch.inference_mode()
def test_hooks_are_heeded_while_a_text_is_written():
    model = random_model()
    text = torch.randint(0, 31, (1, 8))
    window, watched = Window(model, 1, 24), Window(model, 1, 24)
    for reader in (window, watched):
        reader.next_logits(text[:, :7])
    plain = window.next_logits(text)
    silence = [("blocks.0.hook_attn_out", lambda value, hook: torch.zeros_like(value))]
    with model.hooks(silence):
        edited = watched.next_logits(text)
    assert not torch.allclose(plain, edited, atol=1e-2)


@pytest.mark.parametrize(
    "model",
    [
        random_model(token_shift=True),
        random_model(value_embeddings=True),
        random_model().to(torch.bfloat16),
    ],
    ids=["token shift", "value embeddings", "bf16"],
)
@torch.inference_mode()
def test_a_model_the_decoder_does_not_know_is_left_to_its_forward(model):
    text = torch.randint(0, 31, (1, 12))
    assert not Decoder.knows(model)
    window = Window(model, 1, 24)
    window.next_logits(text[:, :11])
    expected = model(text)[:, -1].float()
    torch.testing.assert_close(window.next_logits(text), expected, rtol=0.1, atol=0.3)


@torch.inference_mode()
def test_a_large_matrix_gives_several_texts_the_same_products():
    torch.manual_seed(1)
    model = TransformerLM(vocab_size=400, d_model=768, num_layers=1, num_heads=8).eval()
    texts = torch.randint(0, 400, (3, 4))
    cache = model.new_cache(3)
    model(texts[:, :3], cache)
    logits = Decoder(model, 3, copies=True).next_logits(texts[:, 3].numpy(), cache)
    expected = model(texts)[:, 3].numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_model_that_learns_between_two_texts_writes_with_its_new_weights():
    model = random_model()
    config = GenerationConfig(strategy="greedy", max_new_tokens=12)

    def write() -> list[int]:
        sampler = Sampler(model, [1, 2, 3], config)
        return [sampler.draw().token for _ in range(12)]

    before = write()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    assert write() != before
