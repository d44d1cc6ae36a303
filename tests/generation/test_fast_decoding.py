"""One token at a time, without the modules: the same numbers as the model's forward."""

import numpy as np
import pytest
import torch
from torch import nn

from minigpt.config import GenerationConfig
from minigpt.generation import Sampler, beam_search
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
    {"positional_encoding": "learned", "embedding_norm": True},
    {"parallel_mlp": True, "positional_encoding": "rope", "rope_dim": 4},
    {"head_dim": 6, "num_kv_heads": 2, "bias": False, "qkv_bias": True},
    {"attention_window": 3, "positional_encoding": "rope", "num_kv_heads": 2},
    {"attention_window": [7, 0], "positional_encoding": "relative"},
    {"attention_softcap": 2.0, "logit_softcap": 3.0, "positional_encoding": "alibi"},
    {"post_norms": True, "activation": "geglu", "embedding_scale": 5.6},
    {"head_bias": True, "tie_embeddings": False},
    {"rope_local_base": 30.0, "attention_window": [6, 0], "positional_encoding": "rope"}
    | {"norm": "rmsnorm", "post_norms": True, "embedding_norm": True},
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


@pytest.mark.parametrize("d_model", [256, 768])
@pytest.mark.parametrize("room", [3, 7])
@torch.inference_mode()
def test_a_large_matrix_gives_several_texts_the_same_products(d_model, room):
    torch.manual_seed(1)
    sizes = {"vocab_size": 400, "d_model": d_model, "num_layers": 1, "num_heads": 8}
    model = TransformerLM(**sizes).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.05)
    texts = torch.randint(0, 400, (3, 4))
    cache = model.new_cache(3)
    model(texts[:, :3], cache)
    decoder = Decoder(model, room, copies=True)
    assert decoder._threads._in_torch
    logits = decoder.next_logits(texts[:, 3].numpy(), cache)
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


def write(model, config, **settings) -> tuple[list[int], list[float]]:
    """Write twelve tokens, and return them with their log-probabilities."""
    if config.strategy == "beam":
        best = beam_search(model, [1, 2, 3], config, None, **settings).sequences[0]
        return best.tokens, best.log_probs
    sampler = Sampler(model, [1, 2, 3], config, **settings)
    drawn = [sampler.draw() for _ in range(12)]
    return [each.token for each in drawn], [each.log_prob for each in drawn]


STRATEGIES = [
    GenerationConfig(strategy="greedy", max_new_tokens=12),
    GenerationConfig(strategy="sampling", max_new_tokens=12, seed=3),
    GenerationConfig(strategy="beam", num_beams=3, max_new_tokens=12),
]


@pytest.fixture
def forbid_fast_decoding(monkeypatch):
    """Let every attempt to decode without the modules fail."""

    def fail(*_: object) -> None:
        raise AssertionError("a watched text was decoded without the modules")

    monkeypatch.setattr(Decoder, "next_logits", fail)


@pytest.mark.parametrize("config", STRATEGIES, ids=lambda config: config.strategy)
def test_a_watched_text_is_written_by_the_modules_alone(config, forbid_fast_decoding):
    model = random_model()
    with pytest.raises(AssertionError, match="without the modules"):
        write(model, config)
    tokens, log_probs = write(model, config, watched=True)
    with torch.inference_mode():
        own = model(torch.tensor([[1, 2, 3, *tokens]]))[0].log_softmax(-1)
    expected = [float(own[2 + place, token]) for place, token in enumerate(tokens)]
    assert log_probs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("config", STRATEGIES, ids=lambda config: config.strategy)
def test_a_watched_text_is_the_same_with_hooks_that_record_and_without(config):
    model, seen = random_model(), []
    plain = write(model, config, watched=True)
    record = [("blocks.1.hook_resid_post", lambda value, hook: seen.append(value))]
    with model.hooks(record):
        assert write(model, config, watched=True) == plain
    assert len(seen) == 12
    assert write(model, config)[0] == plain[0]
