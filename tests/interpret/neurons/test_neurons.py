"""Neurons against a search by hand, and against the model's own logits."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.interventions.ablation import loss_over, measure
from minigpt.interpret.interventions.interventions import read_ablation
from minigpt.interpret.interventions.parts import Neuron
from minigpt.interpret.neurons.examples import neuron_examples
from minigpt.interpret.neurons.output import promoted_tokens
from minigpt.model import create_model

WINDOWS = np.random.default_rng(0).integers(0, 12, (10, 7))
NEURON = Neuron(1, 5)
SETTINGS = [
    {},
    {"norm": "rmsnorm", "activation": "swiglu", "tie_embeddings": True},
    {"norm_affine": False, "parallel_mlp": True, "positional_encoding": "rope"},
    {"post_norms": True, "activation": "geglu"},
]


def transformer(**settings):
    torch.manual_seed(2)
    small = {"vocab_size": 12, "d_model": 8, "num_layers": 2, "num_heads": 2}
    made = create_model("transformer", **(small | settings))
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return made.eval().requires_grad_(False)


def post(model, tokens):
    name = f"blocks.{NEURON.layer}.mlp.hook_post"
    return model.run_with_cache(torch.as_tensor(tokens))[1][name]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_examples_are_those_a_search_by_hand_finds(settings):
    model = transformer(**settings)
    fired = post(model, WINDOWS)[..., NEURON.neuron].numpy()
    found = neuron_examples(model, WINDOWS, NEURON, count=3)
    assert found.firing == pytest.approx((fired > 0).mean())
    by_window = sorted(fired.max(-1), reverse=True)[:3]
    assert [each.activation for each in found.strongest] == pytest.approx(
        by_window, 1e-4
    )
    for kind in found[:3]:
        for each in kind:
            np.testing.assert_allclose(each.activations, fired[each.window], atol=1e-5)
    rising = np.sort(fired, axis=None)
    middles = [rising[int((tenth + 0.5) * 7)] for tenth in range(9, -1, -1)]
    assert [each.activation for each in found.deciles] == pytest.approx(
        middles, abs=1e-5
    )
    assert len({each.window for each in found.random}) == 3


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_a_neuron_promotes_is_what_its_activation_adds(settings):
    model = transformer(**settings)
    tokens = torch.tensor([[3, 1, 4, 1]])

    def more(value, hook):
        value = value.clone()
        value[..., NEURON.neuron] += 1
        return value

    _, cache = model.run_with_cache(tokens)
    scale = cache["ln_final.hook_scale"]
    if model.config.post_norms:
        scale = scale * cache["blocks.1.ln2_post.hook_scale"]
    held = lambda name: name.endswith(("ln_final.hook_scale", "1.ln2_post.hook_scale"))  # noqa: E731
    freeze = (held, lambda value, hook: cache[hook.name])
    fires = (f"blocks.{NEURON.layer}.mlp.hook_post", more)
    before = model.run_with_hooks(tokens, [freeze])[0, -1]
    after = model.run_with_hooks(tokens, [freeze, fires])[0, -1]
    promoted = promoted_tokens(model, NEURON)  # the last layer's: nothing reads it
    np.testing.assert_allclose(
        (after - before) * scale[0, -1], promoted, atol=1e-4, rtol=0
    )
    assert np.abs(promoted).max() > 1e-2


def test_a_neuron_switched_off_is_one_of_zero():
    model = transformer()
    ablation = read_ablation("L1N5 zero")
    assert ablation.part == NEURON
    assert str(ablation) == "L1N5 zero"

    def off(value, hook):
        value = value.clone()
        value[..., 5] = 0
        return value

    edit = [("blocks.1.mlp.hook_post", off)]
    by_hand = model.run_with_hooks(torch.tensor([[3, 1, 4]]), edit)[0, -1]
    effect = measure(model, [3, 1, 4], [ablation])
    np.testing.assert_allclose(effect.after_logits, by_hand, atol=1e-5)
    texts = torch.as_tensor(WINDOWS)
    log_p = model.run_with_hooks(texts, edit)[:, :-1].log_softmax(-1)
    losses = -log_p.gather(-1, texts[:, 1:, None])[..., 0]
    np.testing.assert_allclose(loss_over(model, WINDOWS, [ablation]), losses, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "neuron", "words"),
    [
        ({"d_ff": 0}, Neuron(0, 0), "no MLPs"),
        ({}, Neuron(0, 99), "no neuron 99"),
        ({}, Neuron(7, 0), "no layer 7"),
    ],
)
def test_where_there_is_no_neuron_it_is_said(settings, neuron, words):
    model = transformer(**settings)
    with pytest.raises(DataError, match=words):
        promoted_tokens(model, neuron)
    with pytest.raises(DataError, match=words):
        neuron_examples(model, WINDOWS, neuron)
