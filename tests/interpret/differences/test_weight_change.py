"""Change of weights: on changes made by hand."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.differences.head_weights import head_norms, head_weights
from minigpt.interpret.differences.weight_change import weight_change
from minigpt.model import MLPLM, TransformerLM

SIZES = {"vocab_size": 11, "d_model": 16, "num_layers": 2, "num_heads": 4}


def model(seed=0, **settings):
    torch.manual_seed(seed)
    return TransformerLM(**{**SIZES, **settings}).eval().requires_grad_(False)


def test_a_tensor_scaled_by_a_tenth_changed_by_a_tenth():
    before, after = model(), model()
    with torch.no_grad():
        after.blocks[1].attn.output.weight *= 1.1
    found = weight_change(before, after)
    change = dict(zip(found.names, found.relative, strict=True))
    assert change.pop("blocks.1.attn.output.weight") == pytest.approx(0.1, rel=1e-4)
    assert all(value == 0 or np.isnan(value) for value in change.values())
    assert found.unmatched == []


def test_what_started_at_zero_has_no_relative_change():
    found = weight_change(model(), model())
    biases = [n for n in found.names if n.endswith("qkv.bias")]
    assert biases
    assert all(np.isnan(found.relative[found.names.index(name)]) for name in biases)


@pytest.mark.parametrize("part", ["q", "k", "v", "o"])
def test_a_change_in_one_heads_part_is_that_heads_alone(part):
    before, after = model(), model()
    with torch.no_grad():
        weights = dict(after.named_parameters())
        head_weights(weights, after.config, 1, 2)[part].add_(0.5)
    heads = weight_change(before, after).heads
    assert heads[1, 2] > 0
    heads[1, 2] = 0
    assert not heads.any()


def test_a_heads_part_is_what_makes_its_hook():
    one = model()
    tokens = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        _, cache = one.run_with_cache(tokens)
        _, result = one.run_with_cache(tokens, "blocks.1.attn.hook_result")
    parts = head_weights(dict(one.named_parameters()), one.config, 1, 3)
    normalized = cache["blocks.1.ln1.hook_normalized"]
    # The hook lies before the norm's scale and shift, which are 1 and 0 at the start.
    for name in ("q", "k", "v"):
        made = normalized @ parts[name].T  # biases are 0
        torch.testing.assert_close(made, cache[name, 1][:, :, 3])
    made = cache["z", 1][:, :, 3] @ parts["o"].T
    torch.testing.assert_close(made, result["result", 1][:, :, 3])


def test_heads_that_share_keys_both_own_them():
    one = model(num_kv_heads=2)
    weights = dict(one.named_parameters())
    first, second, third = (
        head_weights(weights, one.config, 0, head) for head in (0, 1, 2)
    )
    assert torch.equal(first["k"], second["k"])
    assert not torch.equal(second["k"], third["k"])
    assert not torch.equal(first["q"], second["q"])


def test_a_heads_norm_is_that_of_its_four_matrices():
    one = model()
    weights = dict(one.named_parameters())
    parts = head_weights(weights, one.config, 0, 1).values()
    expected = torch.cat([part.flatten() for part in parts]).norm()
    assert head_norms(weights, one.config)[0, 1] == pytest.approx(float(expected), 1e-5)


def test_other_sizes_share_what_fits_and_name_the_rest():
    found = weight_change(model(), model(d_ff=24))
    assert "blocks.0.attn.qkv.weight" in found.names
    assert any("mlp" in name for name in found.unmatched)
    assert found.heads is not None
    assert weight_change(model(), model(num_heads=2)).heads is None


def test_models_without_a_common_tensor_are_an_error():
    mlp = MLPLM(vocab_size=7, d_model=8, d_ff=8)
    with pytest.raises(DataError, match="no tensor of the same name"):
        weight_change(model(), mlp)
