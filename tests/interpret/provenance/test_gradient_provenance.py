"""A gradient follows from those behind it: every rule against torch's own autograd."""

import pytest
import torch
from interpret.provenance.test_provenance import (
    TOKENS,
    VARIANTS,
    mlp,
    some_places,
    transformer,
)
from torch.nn import functional as F

from minigpt.errors import DataError, HookError
from minigpt.interpret.provenance import trace
from minigpt.interpret.provenance.rules import RULES


def gradients_by_torch(model):
    """Every hook's gradient, of a loss written here, with the model's own weights."""
    kept = {}

    def keep(value, hook):
        if not value.requires_grad:  # waves, which no weight makes
            value = value.clone().requires_grad_()
        value.retain_grad()
        kept[hook.name] = value
        return value

    rules = {name for name in RULES[model.kind] if name.endswith("_grad")}

    def has_rule(name):
        parts = name.split(".")
        kind = ".".join([parts[0], *parts[2:]]) if parts[0] == "blocks" else name
        return f"{kind}_grad" in rules

    ids = torch.tensor([TOKENS])
    logits = model.run_with_hooks(ids, [(has_rule, keep)])
    logits.retain_grad()
    F.cross_entropy(logits[0, :-1], ids[0, 1:]).backward()
    model.zero_grad()
    found = {f"{name}_grad": value.grad for name, value in kept.items()}
    return {**found, "logits_grad": logits.grad}


def check_gradients(model):
    own = gradients_by_torch(model)
    model.requires_grad_(False)  # as the pages hold it
    for hook, tensor in own.items():
        for place in some_places(tensor.shape):
            found = trace(model, TOKENS, hook, place)
            where, value = f"{hook}{list(place)}", float(tensor[place])
            assert found.value == pytest.approx(value, rel=1e-4, abs=1e-5), where
            assert found.recomputed == pytest.approx(value, rel=1e-4, abs=1e-5), where
            assert found.shape == tuple(tensor.shape)
            assert len(found.axes) == len(found.shape)
    return own


@pytest.mark.usefixtures("recorded_once")
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_gradient_follows_from_those_behind_it(changes):
    found = check_gradients(transformer(**changes))
    assert sum(name.endswith("resid_post_grad") for name in found) >= 1


def test_every_gradient_of_an_mlp_model_follows_from_those_behind_it():
    assert len(check_gradients(mlp())) == len(mlp().hook_points) + 1


def test_the_source_of_a_gradient_is_the_line_of_its_value():
    found = trace(transformer(), TOKENS, "blocks.1.attn.hook_z_grad", (0, 2, 1, 0))
    line = found.source.excerpt.splitlines()[
        found.source.line - found.source.first_line
    ]
    assert "self.hook_z(" in line


def test_nothing_depends_on_what_follows_the_last_token():
    found = trace(transformer(), TOKENS, "logits_grad", (0, len(TOKENS) - 1, 3))
    assert found.value == found.recomputed == 0


def test_a_gradient_without_a_rule_is_refused_with_those_that_have_one():
    with pytest.raises(HookError, match="hook_z_grad"):
        trace(transformer(), TOKENS, "blocks.0.attn.hook_pattern_grad", (0, 0, 0, 0))
    with pytest.raises(HookError, match="Did you mean"):
        trace(transformer(), TOKENS, "blocks.0.hook_resid_pots_grad", (0, 0, 0))


def test_one_token_has_no_gradient():
    with pytest.raises(DataError, match="type at least one more"):
        trace(transformer(), [4], "hook_embed_grad", (0, 0, 0))
