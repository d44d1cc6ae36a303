"""Our activations, edits and head circuits against TransformerLens's.

TransformerLens brings a lot with it, so it is no requirement: where it is not
installed, these tests are skipped by name. To run them, `pip install
transformer-lens==4.3.0` in a copy of the environment.

One edit differs on purpose: since version 4, theirs of `hook_resid_mid` reaches the MLP
and not the stream. Here, as in their versions before, it is the stream.
"""

import os

import numpy as np
import pytest
import torch
import transformers
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.interpret.interventions.patching import Prompts
from minigpt.interpret.interventions.path_patching import patch_paths
from minigpt.interpret.interventions.paths import read_path
from minigpt.interpret.interventions.steering import (
    mean_difference,
    steer,
    steering_vector,
    stream_hooks,
)
from minigpt.interpret.weights.composition import compositions
from minigpt.interpret.weights.copying import copying
from minigpt.interpret.weights.token_maps import ov_map, qk_map
from minigpt.tokenizers import BPETokenizer

os.environ.setdefault("HF_HUB_OFFLINE", "1")
pytest.importorskip("transformer_lens", reason="TransformerLens is not installed")
from transformer_lens.model_bridge import TransformerBridge

VOCAB = 307
SIZES = [
    {"n_embd": 32, "n_layer": 2, "n_head": 4},
    {"n_embd": 96, "n_layer": 4, "n_head": 6, "n_inner": 200},
]


@pytest.fixture(scope="module", params=SIZES, ids=["small", "larger"])
def both(request, tmp_path_factory):
    """One GPT-2 of random weights, as our model and as theirs."""
    reference = random_gpt2(vocab_size=VOCAB, **request.param)
    ours = copy_gpt2(reference)
    directory = tmp_path_factory.mktemp("gpt2")
    reference.save_pretrained(directory)
    tokenizer = BPETokenizer()
    tokenizer.build_vocab("a tokenizer must be there, though nobody asks it")
    tokenizer.save_huggingface(directory)
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json"), **special
    ).save_pretrained(directory)
    theirs = TransformerBridge.boot_transformers(
        str(directory),
        hf_model=reference,
        tokenizer=transformers.AutoTokenizer.from_pretrained(directory),
    )
    return ours, theirs


@pytest.fixture(scope="module")
def tokens():
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, VOCAB, (2, 24), generator=generator)


def assert_close(actual, expected, name):
    # Masked scores are −∞ here and a very large negative number there.
    actual, expected = (value.clamp(min=-1e4) for value in (actual, expected))
    torch.testing.assert_close(
        actual, expected, atol=1e-4, rtol=0, msg=lambda text: f"{name}: {text}"
    )


@torch.inference_mode()
def test_every_activation_equals_theirs_of_the_same_name(both, tokens):
    ours, theirs = both
    logits, cache = ours.run_with_cache(tokens)
    their_logits, their_cache = theirs.run_with_cache(tokens)
    assert_close(logits, their_logits, "logits")
    assert [name for name in cache if name not in their_cache] == []
    for name, value in cache.items():
        assert_close(value, their_cache[name], name)


@torch.inference_mode()
def test_each_heads_result_equals_theirs(both, tokens):
    ours, theirs = both
    name = "blocks.1.attn.hook_result"
    theirs.set_use_attn_result(use_attn_result=True)
    try:
        _, their_cache = theirs.run_with_cache(tokens)
    finally:
        theirs.set_use_attn_result(use_attn_result=False)
    _, cache = ours.run_with_cache(tokens, names_filter=name)
    assert_close(cache[name], their_cache[name], name)


def without_head_1(z, hook):
    z = z.clone()
    z[:, :, 1] = 0
    return z


def without_the_first_key(scores, hook):
    scores = scores.clone()
    scores[..., 3:, 0] = -1e4
    return scores


def reading_itself(pattern, hook):
    return torch.eye(pattern.shape[-1]).expand_as(pattern)


def halved(value, hook):
    return value / 2


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("hook_embed", halved),
        ("hook_pos_embed", halved),
        ("blocks.0.hook_resid_pre", halved),
        ("blocks.1.ln1.hook_scale", halved),
        ("blocks.1.ln1.hook_normalized", halved),
        ("blocks.0.attn.hook_q", halved),
        ("blocks.0.attn.hook_k", halved),
        ("blocks.0.attn.hook_v", without_head_1),
        ("blocks.1.attn.hook_attn_scores", without_the_first_key),
        ("blocks.0.attn.hook_pattern", reading_itself),
        ("blocks.0.attn.hook_z", without_head_1),
        ("blocks.1.hook_attn_out", halved),
        ("blocks.0.mlp.hook_pre", halved),
        ("blocks.1.mlp.hook_post", halved),
        ("blocks.0.hook_mlp_out", halved),
        ("blocks.0.hook_resid_post", halved),
        ("ln_final.hook_scale", halved),
        ("ln_final.hook_normalized", halved),
    ],
)
@torch.inference_mode()
def test_an_edit_gives_their_logits(both, tokens, name, edit):
    ours, theirs = both
    edited = ours.run_with_hooks(tokens, fwd_hooks=[(name, edit)])
    assert_close(edited, theirs.run_with_hooks(tokens, fwd_hooks=[(name, edit)]), name)
    assert (edited - ours(tokens)).abs().max() > 1e-2


@torch.inference_mode()
def test_steering_gives_their_logits(both, tokens):
    ours, theirs = both
    prompt, toward, away = tokens[0].tolist(), [5, 9, 200], [1, 306]
    hooks = [each for each in stream_hooks(ours) if "resid_mid" not in each]
    assert len(hooks) == ours.config.num_layers + 1
    for hook in hooks:
        means = [
            theirs.run_with_cache(torch.tensor([text]))[1][hook][0].mean(0)
            for text in (toward, away)
        ]
        direction = means[0] - means[1]
        length = theirs.run_with_cache(tokens[:1])[1][hook][0].norm(dim=-1).mean()
        added = 0.6 * length * direction / direction.norm()
        edit = (hook, lambda value, hook, added=added: value + added)
        expected = theirs.run_with_hooks(tokens[:1], fwd_hooks=[edit])[0, -1]
        found = mean_difference(ours, toward, away, hook)
        vector = steering_vector(ours, prompt, hook, found, 0.6)
        after = torch.tensor(steer(ours, prompt, hook, vector).after_logits)
        assert_close(after, expected, hook)


@torch.inference_mode()
def test_path_patching_gives_their_logits(both, tokens):
    ours, theirs = both
    run, other = tokens[:1], tokens[1:]
    layer = ours.config.num_layers - 1
    for text in (f"L0H1>L{layer}H2.{{}}", "L0H3>logits"):
        for through in "qkv" if "{}" in text else "q":
            path = read_path(text.format(through))
            prompts = Prompts(run[0].tolist(), other[0].tolist(), answer=7, rival=200)
            found = patch_paths(ours, prompts, [path]).effect.after_logits
            expected = theirs_patched(theirs, run, other, path)[0, -1]
            # One path of random weights moves little: nearer than 1e-4 is needed.
            torch.testing.assert_close(torch.tensor(found), expected, atol=5e-6, rtol=0)
            assert (expected - theirs(run)[0, -1]).abs().max() > 1e-4


def theirs_patched(theirs, run, other, path):
    """Freeze all but the sender with their hooks, and patch what the receiver got."""
    here, there = theirs.run_with_cache(run)[1], theirs.run_with_cache(other)[1]
    sender, receiver = path.sender, path.receiver

    def freezing(name):  # `hook.name` may be another of its names there
        def freeze(value, hook):
            value = here[name].clone()
            if name == f"blocks.{sender.layer}.attn.hook_z":
                value[:, :, sender.head] = there[name][:, :, sender.head]
            return value

        return name, freeze

    kinds = ("attn.hook_z", "hook_mlp_out")
    layers = range(theirs.cfg.n_layers)
    frozen = [freezing(f"blocks.{at}.{kind}") for at in layers for kind in kinds]
    if receiver is None:
        return theirs.run_with_hooks(run, fwd_hooks=frozen)
    name, got = f"blocks.{receiver.layer}.attn.hook_{path.through}", {}

    def keep(value, hook):
        got["new"] = value.clone()

    def receive(value, hook):
        value = value.clone()
        value[:, :, receiver.head] = got["new"][:, :, receiver.head]
        return value

    theirs.run_with_hooks(run, fwd_hooks=[*frozen, (name, keep)])
    return theirs.run_with_hooks(run, fwd_hooks=[(name, receive)])


@pytest.fixture(scope="module")
def folded(both):
    """Fold the norms of theirs and centre what is written: keep these tests last."""
    ours, theirs = both
    theirs.enable_compatibility_mode()
    return ours, theirs


@torch.inference_mode()
def test_composition_scores_are_theirs(folded):
    ours, theirs = folded
    found = compositions(ours).scores
    for kind in "qkv":
        # Theirs are [earlier head later head], and 0 where ours are not-a-number.
        expected = theirs.all_composition_scores(kind.upper()).scores.permute(
            2, 3, 0, 1
        )
        np.testing.assert_allclose(
            np.nan_to_num(found[kind]), expected.numpy(), atol=1e-4
        )


@torch.inference_mode()
def test_what_heads_move_and_look_for_are_their_factored_matrices(folded):
    ours, theirs = folded
    # Theirs leave out that the norm divides by its scale; ours put it into the rows.
    alone = theirs.W_E / (theirs.W_E.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
    d_head, scores = ours.config.d_head, copying(ours).scores
    for layer, head in np.ndindex(scores.shape):
        full = alone @ theirs.OV[layer, head] @ theirs.W_U
        np.testing.assert_allclose(ov_map(ours, layer, head), full.AB, atol=1e-4)
        eigenvalues = full.eigenvalues
        copies = eigenvalues.real.sum() / eigenvalues.abs().sum()
        assert scores[layer, head] == pytest.approx(float(copies), abs=1e-4)
        q = alone @ theirs.W_Q[layer, head] + theirs.b_Q[layer, head]
        k = alone @ theirs.W_K[layer, head] + theirs.b_K[layer, head]
        np.testing.assert_allclose(
            qk_map(ours, layer, head), q @ k.T / d_head**0.5, atol=1e-4
        )
