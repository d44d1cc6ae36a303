"""The cache as the page shows it: its size, what is new in it, nothing is lost."""

import pytest
import torch

from minigpt.errors import DataError
from minigpt.generation.cache_growth import (
    grow_cache,
    positions_through_the_model,
    time_steps,
)
from minigpt.model import MLPLM, TransformerLM

TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]
SETTINGS = {
    "plain": {},
    "rope, shared keys": {"positional_encoding": "rope", "num_kv_heads": 2},
    "relative": {"positional_encoding": "relative", "relative_distances": 8},
    "token shift": {"token_shift": True},
}


@pytest.fixture(params=SETTINGS)
def model(request):
    torch.manual_seed(5)
    sizes = {"vocab_size": 12, "d_model": 32, "num_layers": 3, "num_heads": 4}
    return TransformerLM(**sizes, max_seq_len=16, **SETTINGS[request.param]).eval()


def test_logits_with_the_cache_and_without_are_equal(model):
    assert grow_cache(model, TOKENS).difference < 1e-4


def test_the_bytes_are_the_tensors_own(model):
    growth = grow_cache(model, TOKENS)
    cache = model.new_cache(1, len(TOKENS))
    own = sum(buffer.untyped_storage().nbytes() for buffer in cache.buffers)
    assert growth.num_bytes == own
    config = model.config
    by_hand = config.num_layers * config.kv_heads * config.d_head * len(TOKENS) * 2 * 4
    if config.token_shift:
        by_hand += config.d_model * len(TOKENS) * 4
    assert growth.num_bytes == by_hand
    assert growth.bytes_per_token * len(TOKENS) == own


def test_what_is_kept_are_the_models_keys_and_values(model):
    growth = grow_cache(model, TOKENS)
    _, hooks = model.run_with_cache(torch.tensor([TOKENS]))
    turned = model.config.positional_encoding == "rope"
    for layer in range(model.config.num_layers):
        keys = hooks["rot_k" if turned else "k", layer][0].transpose(0, 1)
        values = hooks["v", layer][0].transpose(0, 1)
        assert torch.allclose(torch.from_numpy(growth.keys[layer]), keys, atol=1e-5)
        assert torch.allclose(torch.from_numpy(growth.values[layer]), values, atol=1e-5)


def test_a_changed_token_leaves_every_row_before_it_valid_and_none_after(model):
    place = 3
    changed = [*TOKENS[:place], 7, *TOKENS[place + 1 :]]
    one, other = grow_cache(model, TOKENS), grow_cache(model, changed)
    differs = abs(one.values - other.values).max(axis=(1, 3))  # [layer pos]
    assert (differs[:, :place] < 1e-6).all()
    assert (differs[0, place] > 1e-4).all()
    assert (differs[1:, place:] > 1e-6).all()


def test_an_mlp_has_nothing_of_the_kind():
    model = MLPLM(vocab_size=12, d_model=8, max_seq_len=8)
    with pytest.raises(DataError, match="no keys and values"):
        grow_cache(model, TOKENS)


@pytest.mark.parametrize("cached", [True, False])
def test_work_is_counted_as_the_model_is_called(model, cached):
    read = []

    def count(x, hook):
        read.append(x.shape[1])

    tokens = torch.tensor([TOKENS])
    cache = model.new_cache(1) if cached else None
    done = 0
    for length in range(5, 8):
        begin = done if cached else 0
        hooks = [("hook_embed", count)]
        model.run_with_hooks(tokens[:, begin:length], hooks, cache=cache)
        done = length
    assert positions_through_the_model(5, 3, cached=cached) == sum(read)


def test_times_are_measured_at_each_length(model):
    found = list(time_steps(model, [1, 4, 16], repeats=2))
    assert [each.length for each in found] == [1, 4, 16]
    assert all(each.with_cache > 0 and each.without > 0 for each in found)
