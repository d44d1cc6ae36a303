"""The honesty test: every number of every hook follows from the operands it names."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt.errors import HookError
from minigpt.interpret.provenance import trace
from minigpt.model import create_model

ROOT = Path(__file__).parents[3]
TOKENS = [3, 1, 4, 1, 5, 9, 2]

SMALL = {
    "vocab_size": 11,
    "d_model": 12,
    "num_layers": 2,
    "num_heads": 3,
    "d_ff": 10,
    "max_seq_len": 8,
}
VARIANTS = {
    "gpt2": {},
    "sinusoidal": {"positional_encoding": "sinusoidal"},
    "rope": {"positional_encoding": "rope"},
    "alibi": {"positional_encoding": "alibi"},
    "relative": {"positional_encoding": "relative", "relative_distances": 3},
    "no positions": {"positional_encoding": "none"},
    "rmsnorm": {"norm": "rmsnorm"},
    "norm without scale": {"norm_affine": False},
    "rmsnorm without scale": {"norm": "rmsnorm", "norm_affine": False},
    "no bias": {"bias": False},
    "relu": {"activation": "relu"},
    "relu2": {"activation": "relu2"},
    "swiglu": {"activation": "swiglu"},
    "swiglu without bias": {"activation": "swiglu", "bias": False},
    "grouped queries": {"num_heads": 6, "num_kv_heads": 2},
    "one key head": {"num_kv_heads": 1},
    "token shift": {"token_shift": True},
    "value embeddings": {"value_embeddings": True, "bias": False},
    "value embeddings, grouped": {
        "value_embeddings": True,
        "num_heads": 6,
        "num_kv_heads": 2,
    },
    "qk_norm": {"qk_norm": True},
    "qk_norm, rmsnorm, rope, grouped": {
        "qk_norm": True,
        "norm": "rmsnorm",
        "positional_encoding": "rope",
        "num_heads": 6,
        "num_kv_heads": 3,
        "bias": False,
    },
    "biases on q, k, v only": {"bias": False, "qkv_bias": True},
    "no biases on q, k, v": {"qkv_bias": False},
    "wide heads": {"head_dim": 6, "num_kv_heads": 1, "positional_encoding": "rope"},
    "rope, slowed": {"positional_encoding": "rope", "rope_factor": 3.0},
    "rope, in part, some pairs slowed": {
        "positional_encoding": "rope",
        "head_dim": 10,
        "rope_dim": 8,
        "rope_base": 20.0,
        "rope_factor": 3.0,
        "rope_trained_length": 6,
        "rope_slow_turns": 0.1,
        "rope_fast_turns": 0.5,
    },
    "parallel": {"parallel_mlp": True, "activation": "gelu_exact"},
    "parallel, gated": {
        "parallel_mlp": True,
        "activation": "swiglu",
        "norm": "rmsnorm",
    },
    "geglu": {"activation": "geglu", "bias": False},
    "post norms": {"post_norms": True},
    "bent, scaled": {
        "attention_softcap": 1.5,
        "logit_softcap": 2.0,
        "embedding_scale": 3.0,
        "positional_encoding": "relative",
    },
    "like Gemma": {
        "attention_window": [0, 3],
        "positional_encoding": "rope",
        "rope_local_base": 50.0,
        "rope_factor": 2.0,
        "post_norms": True,
        "norm": "rmsnorm",
        "activation": "geglu",
        "qk_norm": True,
        "logit_softcap": 3.0,
        "tie_embeddings": False,
    },
    "yarn": {
        "positional_encoding": "rope",
        "head_dim": 12,
        "rope_base": 20.0,
        "rope_factor": 3.0,
        "rope_trained_length": 12,
        "rope_slow_turns": 0.1,
        "rope_fast_turns": 1.5,
        "rope_ramp": "pairs",
    },
    "head with a bias": {"head_bias": True, "tie_embeddings": False},
    "window": {"attention_window": 3},
    "window in one layer": {
        "attention_window": [0, 2],
        "positional_encoding": "alibi",
    },
    "embedding norm": {"embedding_norm": True},
    "embedding norm, shifted": {"embedding_norm": True, "token_shift": True},
    "attention only": {"d_ff": 0},
    "free head": {"tie_embeddings": False},
    "one layer, one head": {"num_layers": 1, "num_heads": 1},
}


def transformer(**changes):
    torch.manual_seed(0)
    model = create_model("transformer", **{**SMALL, **changes}).eval()
    return shaken(model)


def mlp():
    torch.manual_seed(0)
    model = create_model("mlp", vocab_size=11, d_model=5, d_ff=7, context_size=3)
    return shaken(model.eval())


def shaken(model):
    """Give every weight a size, so that no bias is zero and no scale is one."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    return model


def everything(model):
    with torch.inference_mode():
        logits, cache = model.run_with_cache(torch.tensor([TOKENS]), lambda name: True)
    return {**cache, "logits": logits}


def some_places(shape, count=2):
    chosen = random.Random(0)
    corners = [tuple(0 for _ in shape), tuple(size - 1 for size in shape)]
    others = [tuple(chosen.randrange(size) for size in shape) for _ in range(count)]
    return [*corners, *others]


def check_all(model):
    for hook, tensor in everything(model).items():
        for place in some_places(tensor.shape):
            found = trace(model, TOKENS, hook, place)
            where = f"{hook}{list(place)}"
            own = float(tensor[place].item())
            assert found.value == pytest.approx(own, rel=1e-5, abs=1e-5), where
            assert found.recomputed == pytest.approx(own, rel=1e-5, abs=1e-5), where
            assert found.shape == tuple(tensor.shape)
            assert len(found.axes) == len(found.shape)
            rows = len(found.operands.labels)
            assert {len(each) for each in found.operands.columns.values()} == {rows}


@pytest.mark.usefixtures("recorded_once")
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_number_follows_from_its_operands(changes):
    check_all(transformer(**changes))


@pytest.mark.parametrize(
    "name", ["gpt2", "embedding norm, shifted", "value embeddings", "attention only"]
)
def test_a_number_traced_from_the_known_stream_is_the_one_of_the_whole_run(name):
    model = transformer(**VARIANTS[name], num_layers=3)
    values = everything(model)
    before = torch.cat([values[f"blocks.{layer}.hook_resid_pre"] for layer in range(3)])
    for hook, tensor in values.items():
        place = tuple(size - 1 for size in tensor.shape)
        whole = trace(model, TOKENS, hook, place)
        near = trace(model, TOKENS, hook, place, before)
        assert near.value == pytest.approx(whole.value, rel=1e-5, abs=1e-5), hook
        for column, numbers in near.operands.columns.items():
            np.testing.assert_allclose(
                numbers, whole.operands.columns[column], rtol=1e-4, atol=1e-5
            )


def test_a_known_stream_saves_running_the_blocks_that_a_number_does_not_need():
    model = transformer(num_layers=4)
    before = torch.zeros(4, len(TOKENS), model.config.d_model)
    watch = [("blocks.*.hook_resid_post", lambda value, hook: None)]
    not_run = r"Never reached: blocks.0.hook_resid_post, blocks.3.hook_resid_post\."
    with pytest.raises(HookError, match=not_run), model.hooks(watch):
        trace(model, TOKENS, "blocks.2.hook_attn_out", (0, 0, 0), before)


def test_every_number_of_an_mlp_model_follows_from_its_operands():
    check_all(mlp())


def test_the_arithmetic_shows_the_operands_numbers():
    found = trace(transformer(num_heads=2, d_model=4), TOKENS, "logits", (0, 2, 5))
    final, vector, products = found.operands.columns.values()
    terms = sorted(zip(products, final, vector, strict=True), key=lambda t: -abs(t[0]))
    first = f"{abs(terms[0][1]):.4g}"
    assert first in found.arithmetic
    assert found.arithmetic.count("×") == 4
    assert products.sum() == pytest.approx(found.value, rel=1e-5)


def test_a_weight_is_spelled_as_its_softmax():
    hook = "blocks.0.attn.hook_pattern"
    found = trace(transformer(), TOKENS, hook, (0, 1, 1, 0))
    score, other = found.operands.columns["score"]
    assert found.operands.chosen == 0
    assert found.arithmetic.startswith("exp(")
    assert found.arithmetic.count("exp(") == 3
    assert found.value == pytest.approx(1 / (1 + np.exp(other - score)), rel=1e-4)


def test_a_masked_cell_says_why():
    model = transformer()
    score = trace(model, TOKENS, "blocks.0.attn.hook_attn_scores", (0, 0, 1, 3))
    assert score.recomputed == -np.inf
    assert "no token reads the future" in score.formula
    assert trace(model, TOKENS, "blocks.0.attn.hook_pattern", (0, 0, 1, 3)).value == 0


def test_scores_too_large_for_exp_still_give_their_weights():
    model = transformer(bias=False)
    with torch.no_grad():
        model.blocks[0].attn.qkv.weight.mul_(100)
    found = trace(model, TOKENS, "blocks.0.attn.hook_pattern", (0, 0, 6, 3))
    assert np.abs(found.operands.columns["score"]).max() > 709  # exp overflows there
    assert found.recomputed == pytest.approx(found.value, abs=1e-5)


@pytest.mark.parametrize("changes", [{}, {"tie_embeddings": False}])
def test_the_source_line_is_the_one_that_calls_the_hook(changes):
    model = transformer(positional_encoding="rope", activation="swiglu", **changes)
    for hook, tensor in everything(model).items():
        source = trace(model, TOKENS, hook, (0,) * tensor.ndim).source
        line = (
            (ROOT / source.path)
            .read_text(encoding="utf-8")
            .splitlines()[source.line - 1]
        )
        name = hook.rpartition(".")[2]
        called = "token_embedding.weight" if model.config.tie_embeddings else "head(x)"
        assert (called if hook == "logits" else f"self.{name}(") in line
        shown = source.excerpt.splitlines()[source.line - source.first_line]
        assert shown.strip() == line.strip()


def test_a_hook_that_is_not_there_is_refused_with_a_near_name():
    with pytest.raises(HookError, match="Did you mean 'blocks"):
        trace(transformer(), TOKENS, "blocks.0.attn.hook_patern", (0, 0, 0, 0))


@pytest.mark.parametrize("place", [(0, 0, 0), (0, 0, 0, 7), (0, 0, 0, -1)])
def test_a_place_outside_the_tensor_is_refused_with_the_sizes(place):
    with pytest.raises(HookError, match="batch 1, head 3, q_pos 7, k_pos 7"):
        trace(transformer(), TOKENS, "blocks.0.attn.hook_pattern", place)


def test_one_token_can_be_traced():
    found = trace(transformer(), [4], "blocks.1.attn.hook_pattern", (0, 0, 0, 0))
    assert found.value == found.recomputed == 1
