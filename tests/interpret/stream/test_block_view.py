"""One token through one block: every vector is the hook's, and the sums add up."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.interpret.stream.block_view import block_view, firing_neurons
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2]
KINDS = [
    {},
    {"norm": "rmsnorm", "activation": "swiglu", "positional_encoding": "rope"},
    {"norm_affine": False, "bias": False, "activation": "relu2"},
    {"d_ff": 0},
    {"num_layers": 1, "num_heads": 1, "tie_embeddings": False},
    {"parallel_mlp": True, "norm_affine": False},
    {"post_norms": True, "logit_softcap": 5.0},
    {"post_norms": True, "norm": "rmsnorm", "activation": "geglu", "bias": False},
]


def model_of(**settings):
    torch.manual_seed(0)
    shape = {"vocab_size": 12, "d_model": 16, "num_layers": 2, "num_heads": 4}
    model = create_model("transformer", **{**shape, "max_seq_len": 16, **settings})
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return model.eval().requires_grad_(False)


def hooks_of(model):
    names = lambda name: True  # noqa: E731 (hook_result too)
    return model.run_with_cache(torch.tensor([TOKENS]), names)[1]


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_every_vector_is_the_hook_of_its_name(settings):
    model = model_of(**settings)
    layer = model.config.num_layers - 1
    view, cache = block_view(model, TOKENS, layer, 5), hooks_of(model)
    at = f"blocks.{layer}."
    expected = {
        "resid_pre": "hook_resid_pre",
        "z": "attn.hook_z",
        "results": "attn.hook_result",
        "attn_out": "hook_attn_out",
        "resid_post": "hook_resid_post",
    }
    if model.config.mlp_width:
        expected |= {
            "resid_mid": "hook_resid_mid",
            "activations": "mlp.hook_post",
            "mlp_out": "hook_mlp_out",
        }
    for field, hook in expected.items():
        np.testing.assert_allclose(
            getattr(view, field), cache[at + hook][0, 5].numpy(), atol=1e-5
        )
    if view.ln2 is not None and view.ln2.mean is not None:
        read = view.resid_pre if model.config.parallel_mlp else view.resid_mid
        assert view.ln2.mean == pytest.approx(read.mean(), abs=1e-6)
        by_hand = (read - view.ln2.mean) / view.ln2.scale
        np.testing.assert_allclose(view.ln2.normalized, by_hand, atol=1e-5)
    assert view.ln1.scale == pytest.approx(float(cache[at + "ln1.hook_scale"][0, 5, 0]))
    np.testing.assert_allclose(
        view.ln1.normalized, cache[at + "ln1.hook_normalized"][0, 5], atol=1e-5
    )


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_heads_add_up_to_attention_and_the_stream_is_only_added_to(settings):
    view = block_view(model_of(**settings), TOKENS, 0, 6)
    bias = 0 if view.output_bias is None else view.output_bias
    attention = view.results.sum(0) + bias
    if view.ln1_post is not None:
        norm = view.ln1_post
        attention = (attention - (norm.mean or 0)) / norm.scale * norm.weight
        attention = attention if norm.shift is None else attention + norm.shift
    np.testing.assert_allclose(attention, view.attn_out, atol=1e-5)
    np.testing.assert_allclose(
        view.resid_pre + view.attn_out, view.resid_mid, atol=1e-5
    )
    added = 0 if view.mlp_out is None else view.mlp_out
    np.testing.assert_allclose(view.resid_mid + added, view.resid_post, atol=1e-5)
    np.testing.assert_allclose(
        view.head_norms, [np.linalg.norm(result) for result in view.results], rtol=1e-6
    )


def test_the_norms_numbers_are_torchs():
    model = model_of()
    view = block_view(model, TOKENS, 1, 3)
    x = torch.tensor(view.resid_pre)
    assert view.ln1.mean == pytest.approx(float(x.mean()), abs=1e-6)
    assert view.ln1.scale == pytest.approx(
        float((x.var(correction=0) + 1e-5).sqrt()), rel=1e-5
    )
    norm = model.blocks[1].ln1
    expected = F.layer_norm(x, (16,), norm.weight, norm.bias, 1e-5)
    np.testing.assert_allclose(view.ln1.out, expected, atol=1e-5)
    assert block_view(model_of(norm="rmsnorm"), TOKENS, 1, 3).ln1.mean is None


def test_without_an_mlp_nothing_of_it_is_shown():
    model = model_of(d_ff=0)
    view = block_view(model, TOKENS, 0, 2)
    assert view.ln2 is view.mlp_out is view.activations is None
    assert firing_neurons(model, view) == []
    np.testing.assert_array_equal(view.resid_mid, view.resid_post)


@pytest.mark.parametrize("settings", [KINDS[0], KINDS[1], KINDS[4]], ids=str)
def test_a_neuron_promotes_what_its_own_part_of_the_stream_does(settings):
    model = model_of(**settings)
    view = block_view(model, TOKENS, 0, 4)
    neurons = firing_neurons(model, view, count=3)
    sizes = [abs(neuron.activation) for neuron in neurons]
    assert sizes == sorted(np.abs(view.activations), reverse=True)[:3]
    for neuron in neurons:
        column = model.blocks[0].mlp.output.weight[:, neuron.index]
        written = neuron.activation * column
        assert neuron.norm == pytest.approx(float(written.norm()), rel=1e-5)
        plain = model.unembed(affine_only(model.ln_final, written)[None, None])[0, 0]
        best = plain.argsort(descending=True)[:5]
        assert neuron.promotes == best.tolist()


def affine_only(norm, vector):
    """Centre by hand with a matrix, as a check on the function's own way."""
    count = len(vector)
    if getattr(norm, "bias", None) is not None:
        vector = (torch.eye(count) - torch.full((count, count), 1 / count)) @ vector
    return vector * norm.weight


def test_silent_neurons_are_not_listed():
    model = model_of(activation="relu")
    model.blocks[0].mlp.input.weight.zero_()
    model.blocks[0].mlp.input.bias.fill_(-1)
    model.blocks[0].mlp.input.bias[7] = 2
    neurons = firing_neurons(model, block_view(model, TOKENS, 0, 1))
    assert [neuron.index for neuron in neurons] == [7]
    assert neurons[0].activation == pytest.approx(2)


def test_a_place_outside_is_refused():
    with pytest.raises(DataError, match="There is no layer 2"):
        block_view(model_of(), TOKENS, 2, 0)
    with pytest.raises(DataError, match="There is no token 7"):
        block_view(model_of(), TOKENS, 0, 7)
