"""The shares add up to the logit, and each is its part's, read alone."""

import numpy as np
import pytest
import torch
from interpret.frozen_norm import frozen_norm, straight
from model.test_transformer import VARIANTS, small_model, some_tokens

from minigpt.interpret.stream.attribution import attribute

TOKENS = some_tokens(1, 12)[0].tolist()
POSITION, A, B = 6, 7, 21


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("minus", [None, B])
def test_the_shares_add_up_to_the_models_own_logit(changes, minus):
    model = small_model(**changes)
    with torch.inference_mode():
        logits = straight(model, model(torch.tensor([TOKENS]))[0, POSITION])
    expected = float(logits[A] - (0 if minus is None else logits[minus]))
    found = attribute(model, TOKENS, POSITION, A, minus)
    assert found.logit == pytest.approx(expected, abs=1e-5)
    assert found.shares.sum() == pytest.approx(expected, abs=1e-4)
    assert found.by_layer().shares.sum() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_each_share_is_its_part_put_through_the_frozen_norm_and_the_unembedding(
    changes,
):
    model = small_model(**changes)
    tokens = torch.tensor([TOKENS])
    names = [name for name in model.hook_points if "rot" not in name]
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens, names)
        scale = cache["ln_final.hook_scale"][0, POSITION]
        found = attribute(model, TOKENS, POSITION, A)
        for part, share in zip(found.parts, found.shares, strict=True):
            if part.kind == "head":
                value = cache["result", part.layer][0, POSITION, part.head]
            elif part.kind == "bias":
                value = model.blocks[part.layer].attn.output.bias
            elif part.kind == "norm":
                continue
            else:
                value = cache[part.hook][0, POSITION]
            if part.kind in ("head", "bias") and model.config.post_norms:
                norm = f"blocks.{part.layer}.ln1_post"
                size = cache[f"{norm}.hook_scale"][0, POSITION]
                value = frozen_norm(model.get_submodule(norm), value, size)
                if part.kind == "bias":
                    value = value + getattr(model.get_submodule(norm), "bias", 0.0)
            said = model.compare(frozen_norm(model.ln_final, value, scale)[None, None])
            assert share == pytest.approx(float(said[0, 0, A]), abs=1e-4), part.name
    assert found.scale == pytest.approx(float(scale))


def test_parts_come_in_the_models_order_and_only_where_they_are():
    names = [part.name for part in attribute(small_model(), TOKENS, 3, A).parts]
    layer = ["L{0}H0", "L{0}H1", "L{0}H2", "L{0}H3", "L{0} bias", "L{0} MLP"]
    blocks = [name.format(n) for n in (0, 1) for name in layer]
    assert names == ["embedding", "position", *blocks, "norm bias"]
    bare = small_model(
        d_ff=0, bias=False, norm="rmsnorm", positional_encoding="rope", num_heads=1
    )
    assert [part.name for part in attribute(bare, TOKENS, 3, A).parts] == [
        "embedding",
        "L0H0",
        "L1H0",
    ]


def test_a_minus_b_is_the_difference_of_two_attributions():
    model = small_model()
    one, other = (attribute(model, TOKENS, POSITION, token) for token in (A, B))
    both = attribute(model, TOKENS, POSITION, A, B)
    np.testing.assert_allclose(both.shares, one.shares - other.shares, atol=1e-5)


def test_the_heads_of_a_layer_are_put_together_without_loss():
    found = attribute(small_model(), TOKENS, POSITION, A)
    grouped = found.by_layer()
    assert [part.name for part in grouped.parts] == [
        "embedding",
        "position",
        "L0 attention",
        "L0 MLP",
        "L1 attention",
        "L1 MLP",
        "norm bias",
    ]
    bias = found.shares[[part.name for part in found.parts].index("L1 bias")]
    assert grouped.shares[4] == pytest.approx(found.heads[1].sum() + bias, abs=1e-6)


def test_parts_are_ranked_by_what_they_add_and_heads_by_size():
    found = attribute(small_model(), TOKENS, POSITION, A, B)
    ranked = found.shares[found.order]
    assert (np.diff(ranked) <= 0).all()
    layer, head = found.strongest_head
    assert abs(found.heads[layer, head]) == np.abs(found.heads).max()
