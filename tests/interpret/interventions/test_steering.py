"""Steering: what is added, where, and that nobody else meets it."""

import numpy as np
import pytest
import torch

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation import Generator
from minigpt.interpret.interventions.steering import (
    mean_difference,
    steer,
    steering_hooks,
    steering_vector,
    stream_hooks,
    token_direction,
    write_steered,
)
from minigpt.model import create_model
from minigpt.tokenizers import CharTokenizer

TOWARD, AWAY, PROMPT = [3, 1, 4], [2, 7, 1, 8], [5, 9, 2, 6]
SETTINGS = [
    {},
    {"d_ff": 0},
    {"parallel_mlp": True, "positional_encoding": "rope"},
    {"embedding_norm": True, "token_shift": True, "norm": "rmsnorm"},
    {"num_kv_heads": 1, "activation": "swiglu", "positional_encoding": "alibi"},
]


def transformer(**settings):
    torch.manual_seed(3)
    small = {"vocab_size": 12, "d_model": 8, "num_layers": 2, "num_heads": 2}
    made = create_model("transformer", **(small | {"max_seq_len": 10} | settings))
    return made.eval().requires_grad_(False)


def stream_by_hand(model, tokens, hook):
    return model.run_with_cache(torch.tensor([tokens]))[1][hook][0]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_hook_is_steered_as_by_hand(settings):
    model = transformer(**settings)
    for hook in stream_hooks(model):
        means = [stream_by_hand(model, text, hook).mean(0) for text in (TOWARD, AWAY)]
        direction = mean_difference(model, TOWARD, AWAY, hook)
        np.testing.assert_allclose(direction, means[0] - means[1], atol=1e-5)
        length = stream_by_hand(model, PROMPT, hook).norm(dim=-1).mean()
        unit = torch.tensor(direction) / np.linalg.norm(direction)
        vector = steering_vector(model, PROMPT, hook, direction, -0.7)
        np.testing.assert_allclose(vector, -0.7 * length * unit, atol=1e-5)
        add = -0.7 * length * unit
        edit = [(hook, lambda x, hook, add=add: x + add)]
        by_hand = model.run_with_hooks(torch.tensor([PROMPT]), edit)
        effect = steer(model, PROMPT, hook, vector)
        np.testing.assert_allclose(effect.after_logits, by_hand[0, -1], atol=1e-4)
        assert effect.kl > 1e-6


def test_the_hooks_are_the_places_where_the_stream_differs():
    model = transformer()
    assert stream_hooks(model) == [
        "blocks.0.hook_resid_pre",
        "blocks.0.hook_resid_mid",
        "blocks.1.hook_resid_pre",
        "blocks.1.hook_resid_mid",
        "blocks.1.hook_resid_post",
    ]
    _, cache = model.run_with_cache(torch.tensor([PROMPT]))
    left_out = cache["blocks.0.hook_resid_post"]
    torch.testing.assert_close(left_out, cache["blocks.1.hook_resid_pre"])


def test_a_tokens_direction_is_its_embedding():
    plain, normed = transformer(), transformer(embedding_norm=True)
    row = plain.token_embedding.weight[4]
    np.testing.assert_allclose(token_direction(plain, 4), row, atol=1e-6)
    row = normed.ln_embed(normed.token_embedding.weight[4])
    np.testing.assert_allclose(token_direction(normed, 4), row, atol=1e-6)


@pytest.mark.parametrize(("one", "words"), [([], "empty"), (AWAY, "no direction")])
def test_where_there_is_no_direction_it_is_said(one, words):
    with pytest.raises(DataError, match=words):
        mean_difference(transformer(), one, AWAY, "blocks.1.hook_resid_pre")


def writer():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefghijkl")
    model = transformer(vocab_size=tokenizer.vocab_size)
    return Generator(model, tokenizer, device="cpu")


def test_each_written_token_is_the_likeliest_of_the_whole_text_steered():
    generator = writer()
    model, hook = generator.model, "blocks.1.hook_resid_pre"
    prompt = generator.tokenizer.encode("bad")
    vector = np.linspace(-2, 3, 8, dtype=np.float32)
    config = GenerationConfig(strategy="greedy", max_new_tokens=6, stop_at_eos=False)
    hooks = steering_hooks(hook, vector)
    steps = list(write_steered(generator, "bad", config, hooks))
    text = list(prompt)
    for step in steps:  # read again from the beginning, without a cache
        edit = [(hook, lambda x, hook: x + torch.tensor(vector))]
        logits = model.run_with_hooks(torch.tensor([text]), edit)
        text.append(int(logits[0, -1].argmax()))
        assert step.token == text[-1]
    plain = generator.generate("bad", config).tokens
    assert [step.token for step in steps] != plain


def test_between_two_steered_tokens_the_model_is_as_it_was():
    generator = writer()
    model, ids = generator.model, torch.tensor([[1, 2, 3]])
    config = GenerationConfig(seed=1, max_new_tokens=4, stop_at_eos=False)
    before = model(ids)
    hooks = steering_hooks("blocks.0.hook_resid_pre", np.ones(8, np.float32))
    writing = write_steered(generator, "bad", config, hooks)
    next(writing)
    torch.testing.assert_close(model(ids), before)
    writing.close()  # as when a reader leaves
    torch.testing.assert_close(model(ids), before)


def test_without_hooks_the_text_is_the_generators_own():
    generator = writer()
    config = GenerationConfig(seed=5, max_new_tokens=8, stop_at_eos=False)
    steps = write_steered(generator, "bad", config, [])
    assert [s.token for s in steps] == generator.generate("bad", config).tokens
