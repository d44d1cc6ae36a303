"""The journey against the activations that it is read from."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.stream.journey import journey
from minigpt.model import MLPLM, TransformerLM

TOKENS = [3, 1, 4, 1, 5]


def model(**settings):
    torch.manual_seed(0)
    sizes = {"vocab_size": 11, "d_model": 16, "num_layers": 2, "num_heads": 2}
    return TransformerLM(**{**sizes, **settings}).eval()


def activations(model):
    with torch.inference_mode():
        logits, cache = model.run_with_cache(torch.tensor([TOKENS]))
    return logits[0], {name: value[0] for name, value in cache.items()}


def test_every_norm_is_that_of_the_hook_it_names():
    one = model()
    _, cache = activations(one)
    stages = journey(one, TOKENS).stages
    kinds = ["embedding", "attention", "MLP", "attention", "MLP"]
    assert [stage.kind for stage in stages] == kinds
    for stage in stages:
        added, stream = cache[stage.added_name], cache[stage.stream_name]
        np.testing.assert_allclose(stage.added, added.norm(dim=-1), rtol=1e-5)
        np.testing.assert_allclose(stage.stream, stream.norm(dim=-1), rtol=1e-5)


def test_each_stream_is_the_one_before_plus_what_is_added():
    one = model()
    _, cache = activations(one)
    stages = journey(one, TOKENS).stages
    for before, stage in pairwise(stages):
        total = cache[before.stream_name] + cache[stage.added_name]
        torch.testing.assert_close(total, cache[stage.stream_name])


def test_attention_is_the_mean_of_the_layers_heads():
    one = model()
    _, cache = activations(one)
    stage = journey(one, TOKENS).stages[3]
    assert stage.layers == (1, 1)
    expected = cache["blocks.1.attn.hook_pattern"].mean(0)
    np.testing.assert_allclose(stage.attention, expected, atol=1e-6)


def test_predictions_are_the_models_own():
    one = model()
    logits, _ = activations(one)
    found = journey(one, TOKENS, count=3)
    best = logits.softmax(-1).topk(3)
    np.testing.assert_array_equal(found.expected, best.indices)
    np.testing.assert_allclose(found.probabilities, best.values, atol=1e-6)


@pytest.mark.parametrize(("layers", "groups"), [(7, 4), (12, 6), (48, 6)])
def test_many_blocks_travel_in_groups_that_add_what_their_blocks_add(layers, groups):
    deep = model(num_layers=layers, d_model=8)
    _, cache = activations(deep)
    stages = journey(deep, TOKENS).stages[1:]
    assert len(stages) == groups
    assert stages[0].layers[0] == 0
    assert stages[-1].layers[1] == layers - 1
    for stage in stages:
        first, last = stage.layers
        inside = range(first, last + 1)
        parts = [
            cache[f"blocks.{n}.hook_{o}_out"] for n in inside for o in ("attn", "mlp")
        ]
        total = torch.stack(parts).sum(0)
        np.testing.assert_allclose(stage.added, total.norm(dim=-1), rtol=1e-4)
        patterns = [cache[f"blocks.{n}.attn.hook_pattern"].mean(0) for n in inside]
        expected = torch.stack(patterns).mean(0)
        np.testing.assert_allclose(stage.attention, expected, atol=1e-6)


def test_without_mlps_the_stream_goes_from_attention_to_attention():
    one = model(d_ff=0, positional_encoding="rope")
    stages = journey(one, TOKENS).stages
    assert [stage.kind for stage in stages] == ["embedding", "attention", "attention"]
    assert stages[1].stream_name == "blocks.0.hook_resid_post"
    np.testing.assert_array_equal(stages[0].added, stages[0].stream)


def test_one_token_travels_alone():
    found = journey(model(num_layers=1, num_heads=1), [3])
    assert found.stages[1].attention.tolist() == [[1.0]]
    assert found.probabilities.shape == (1, 5)


def test_what_has_no_journey_is_said():
    with pytest.raises(DataError, match="no residual stream"):
        journey(MLPLM(vocab_size=11, d_model=8, d_ff=8), TOKENS)
    with pytest.raises(DataError, match="empty"):
        journey(model(), [])
    with pytest.raises(DataError, match="max_seq_len"):
        journey(model(max_seq_len=4), TOKENS)
