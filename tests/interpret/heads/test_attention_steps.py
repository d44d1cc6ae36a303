"""Every step of a head equals the hook of its name, for every kind of attention."""

import math

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.heads.attention_steps import attention_steps, head_tensors
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2]
KINDS = [
    *({"positional_encoding": kind} for kind in ("learned", "sinusoidal", "rope")),
    *({"positional_encoding": kind} for kind in ("alibi", "relative", "none")),
    {"num_kv_heads": 2, "positional_encoding": "rope"},
    {"qk_norm": True, "norm": "rmsnorm"},
    {"qk_norm": True, "positional_encoding": "rope", "num_kv_heads": 1},
    {"num_layers": 1, "num_heads": 1, "d_ff": 0},
    {"attention_window": 3, "positional_encoding": "alibi"},
]


def model_of(**settings):
    """Make a small model whose every weight is off its starting value."""
    torch.manual_seed(0)
    shape = {"vocab_size": 12, "d_model": 16, "num_layers": 2, "num_heads": 4}
    model = create_model("transformer", **{**shape, "max_seq_len": 16, **settings})
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return model.eval().requires_grad_(False)


def places(model):
    config = model.config
    return [
        (layer, head)
        for layer in range(config.num_layers)
        for head in range(config.num_heads)
    ]


def recorded(model, layer):
    names = lambda name: name.startswith(f"blocks.{layer}.")  # noqa: E731
    return model.run_with_cache(torch.tensor([TOKENS]), names)[1]


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_every_step_is_the_hook_of_its_name(settings):
    model = model_of(**settings)
    rope = settings.get("positional_encoding") == "rope"
    group = model.config.num_heads // model.config.kv_heads
    for layer, head in places(model):
        at = f"blocks.{layer}.attn.hook_"
        cache = recorded(model, layer)
        steps = attention_steps(model, TOKENS, layer, head, query=4)
        turn = "rot_" if rope else ""
        hooks = {
            "plain_q": cache[at + "q"][0, 4, head],
            "plain_k": cache[at + "k"][0, :, head // group],
            "q": cache[at + turn + "q"][0, 4, head],
            "k": cache[at + turn + "k"][0, :, head // group],
            "v": cache[at + "v"][0, :, head // group],
            "scores": cache[at + "attn_scores"][0, head, 4],
            "pattern": cache[at + "pattern"][0, head, 4],
            "z": cache[at + "z"][0, 4, head],
        }
        for name, expected in hooks.items():
            np.testing.assert_allclose(
                getattr(steps, name), expected.numpy(), atol=1e-5, err_msg=name
            )
        assert steps.turned == rope


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_each_step_follows_from_the_one_before(settings):
    model = model_of(**settings)
    for layer, head in places(model):
        steps = attention_steps(model, TOKENS, layer, head, query=3)
        np.testing.assert_allclose(steps.products, steps.q * steps.k, atol=1e-6)
        np.testing.assert_allclose(steps.products.sum(-1), steps.raw, atol=1e-5)
        scale = math.sqrt(model.config.d_head)
        np.testing.assert_allclose(steps.raw / scale, steps.scaled, atol=1e-6)
        read = slice(4 - settings.get("attention_window", 4), 4)
        bias = 0 if steps.bias is None else steps.bias[read]
        np.testing.assert_allclose(
            steps.scaled[read] + bias, steps.scores[read], atol=1e-5
        )
        assert np.isneginf(np.delete(steps.scores, read)).all()
        weights = np.exp(steps.scores - steps.scores.max())
        np.testing.assert_allclose(weights / weights.sum(), steps.pattern, atol=1e-6)
        np.testing.assert_allclose(steps.pattern @ steps.v, steps.z, atol=1e-5)


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_queries_are_projections_of_what_the_head_reads(norm):
    model = model_of(norm=norm)
    parts = head_tensors(model, TOKENS, layer=1, head=2)
    weight, bias = model.blocks[1].attn.qkv.weight, model.blocks[1].attn.qkv.bias
    mine = slice(2 * 4, 3 * 4)  # head 2 of width 4, in the first third of qkv
    expected = parts.x @ weight[mine].T + bias[mine]
    torch.testing.assert_close(parts.plain_q, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_one_number_of_the_query_is_a_row_of_the_weights_times_x(settings):
    model = model_of(**settings)
    for layer, head in places(model):
        steps = attention_steps(model, TOKENS, layer, head, query=4)
        shown, width = steps.projection, model.config.d_head
        row = model.blocks[layer].attn.qkv.weight[head * width + shown.dimension]
        np.testing.assert_allclose(shown.row, row.numpy(), atol=1e-6)
        own = float(shown.row @ steps.x[4] + shown.bias)
        assert shown.value == pytest.approx(own, abs=1e-5)
        assert shown.normalized == settings.get("qk_norm", False)
        if not shown.normalized:
            value = steps.plain_q[shown.dimension]
            assert shown.value == pytest.approx(value, abs=1e-5)
            assert abs(value) == pytest.approx(np.abs(steps.plain_q).max(), abs=1e-5)


def test_only_a_scheme_that_biases_scores_has_a_bias():
    for kind in ("alibi", "relative"):
        steps = attention_steps(model_of(positional_encoding=kind), TOKENS, 0, 1, 4)
        assert np.isfinite(steps.bias[:5]).all()
        assert (steps.bias[5:] == 0).all()
        np.testing.assert_allclose(steps.biased, steps.scaled + steps.bias, atol=1e-5)
    assert attention_steps(model_of(), TOKENS, 0, 1, 4).bias is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((2, 0, 0), "There is no layer 2: choose one from 0 to 1."),
        ((0, 4, 0), "There is no head 4"),
        ((0, 0, 7), "There is no token 7"),
        ((0, 0, -1), "There is no token -1"),
    ],
)
def test_a_place_outside_is_refused(place, words):
    with pytest.raises(DataError, match=words):
        attention_steps(model_of(), TOKENS, *place)
