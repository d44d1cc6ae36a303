"""One layer without positions cannot tell orders apart; everything else can."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.positions.word_order import (
    order_test,
    shuffled,
    without_positions,
)
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]
SCHEMES = ["learned", "sinusoidal", "rope", "alibi", "relative", "none"]


def model(scheme, layers=3, **settings):
    torch.manual_seed(0)
    made = create_model(
        "transformer",
        vocab_size=11,
        d_model=16,
        num_layers=layers,
        num_heads=4,
        max_seq_len=16,
        positional_encoding=scheme,
        **settings,
    ).eval()
    with torch.no_grad():  # large weights, so that a difference would be seen
        for weight in made.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return made


def test_a_shuffle_is_another_order_of_the_same_and_keeps_the_last():
    for seed in range(20):
        order = shuffled(TOKENS, seed)
        assert sorted(order) == list(range(8))
        assert order[-1] == 7
        assert [TOKENS[place] for place in order] != TOKENS
    assert shuffled(TOKENS, 3) == shuffled(TOKENS, 3)


@pytest.mark.parametrize("tokens", [[], [1], [1, 2], [5, 5, 5, 2]])
def test_what_has_one_order_cannot_be_shuffled(tokens):
    with pytest.raises(DataError, match="only one order"):
        shuffled(tokens)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_layer_without_positions_says_exactly_the_same(scheme):
    bare = without_positions(model(scheme), 1)
    for seed in range(5):
        found = order_test(bare, TOKENS, shuffled(TOKENS, seed))
        assert found.largest_change < 1e-5
        assert found.output_change < 1e-4
        assert not found.moved


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_mask_shows_two_layers_the_order(scheme):
    bare = without_positions(model(scheme), 2)
    assert order_test(bare, TOKENS, shuffled(TOKENS)).moved


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "none"])
def test_positions_show_one_layer_the_order(scheme):
    own = model(scheme, layers=1)
    found = order_test(own, TOKENS, shuffled(TOKENS))
    assert found.moved
    assert found.output_change > 1e-3


def test_the_bare_model_is_the_class_with_that_setting_and_these_weights():
    own = model("relative")
    bare = without_positions(own, 2)
    built = create_model(
        "transformer",
        **{**own.config.to_dict(), "positional_encoding": "none", "num_layers": 2},
    ).eval()
    built.load_state_dict(own.state_dict(), strict=False)
    tokens = torch.tensor([TOKENS])
    with torch.inference_mode():
        torch.testing.assert_close(bare(tokens), built(tokens))
    shared = bare.blocks[1].attn.qkv.weight
    assert shared.data_ptr() == own.blocks[1].attn.qkv.weight.data_ptr()
    assert own.config.num_layers == 3


def test_the_effect_is_on_the_last_token():
    own, order = model("rope"), shuffled(TOKENS)
    found = order_test(own, TOKENS, order)
    with torch.inference_mode():
        before = own(torch.tensor([TOKENS]))[0, -1].softmax(-1)
        after = own(torch.tensor([[TOKENS[i] for i in order]]))[0, -1].softmax(-1)
    np.testing.assert_allclose(found.effect.before, before, atol=1e-6)
    np.testing.assert_allclose(found.effect.after, after, atol=1e-6)
    assert found.largest_change == pytest.approx(float((after - before).abs().max()))


def test_an_mlp_has_no_attention_output():
    torch.manual_seed(0)
    mlp = create_model("mlp", vocab_size=11, d_model=4, d_ff=8).eval()
    found = order_test(mlp, TOKENS, shuffled(TOKENS))
    assert found.output_change is None
    assert found.moved
