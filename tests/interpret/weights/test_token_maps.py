"""OV and QK against what the model itself does with texts of few tokens."""

import numpy as np
import pytest
import torch
from interpret.weights.small_models import SHAPES, VOCAB, small_model

from minigpt.interpret.weights.copying import copying, share_raising_itself
from minigpt.interpret.weights.token_maps import (
    explain_ov,
    explain_qk,
    ov_map,
    qk_map,
)

ALONE = [name for name in SHAPES if name != "gpt2"]
"""Nothing is added to the embedding before the first layer."""


@pytest.mark.parametrize("distance", [1, 5])
@pytest.mark.parametrize("name", ALONE)
def test_qk_is_the_first_layers_score_at_that_distance(name, distance):
    model = small_model(name)
    texts = [(3, 7), (7, 3), (0, VOCAB - 1), (5, 5)]
    tokens = torch.tensor([[k, *[1] * (distance - 1), q] for q, k in texts])
    _, cache = model.run_with_cache(tokens, "blocks.0.attn.hook_attn_scores")
    scores = cache["blocks.0.attn.hook_attn_scores"][:, :, -1, 0].numpy()
    for head in range(4):
        found = qk_map(model, 0, head, distance=distance)
        assert found.shape == (VOCAB, VOCAB)
        expected = scores[:, head]
        np.testing.assert_allclose(
            [found[q, k] for q, k in texts], expected, atol=1e-5, rtol=1e-5
        )


def test_the_distance_turns_with_rope_and_only_shifts_with_a_bias():
    near, far = (qk_map(small_model("llama"), 0, 1, distance=d) for d in (1, 6))
    assert np.abs((near - near.mean()) - (far - far.mean())).max() > 0.1
    alibi = small_model("alibi, attention only")
    near, far = (qk_map(alibi, 0, 1, distance=d) for d in (1, 6))
    np.testing.assert_allclose(near - far, np.full_like(near, 5 / 2**4), atol=1e-5)


@pytest.mark.parametrize("name", ALONE)
def test_ov_is_what_the_first_layers_head_does_to_the_logits(name):
    model = small_model(name)
    texts = torch.arange(VOCAB)[:, None]  # of one token, which reads itself with 1
    _, cache = model.run_with_cache(texts, "blocks.0.attn.hook_result")
    written = cache["blocks.0.attn.hook_result"][:, 0].double()  # [vocab head d_model]
    if model.config.norm == "layernorm":
        written = written - written.mean(-1, keepdim=True)
    if model.config.post_norms:
        written = written * model.blocks[0].ln1_post.weight
        if model.config.norm == "layernorm":
            written = written - written.mean(-1, keepdim=True)
    if model.ln_final.weight is not None:
        written = written * model.ln_final.weight
    table = model.token_embedding if model.ties_embeddings else model.head
    logits = written @ table.weight.double().T
    logits = (logits - logits.mean(-1, keepdim=True)).movedim(1, 0)
    for head, expected in enumerate(logits):
        found = ov_map(model, 0, head)
        # What a bias of the values adds is the same for every token that is read.
        np.testing.assert_allclose(
            found - found.mean(0), expected - expected.mean(0), atol=1e-4
        )


@pytest.mark.parametrize("name", SHAPES)
def test_a_part_of_a_map_and_its_working_are_the_whole_maps(name):
    model = small_model(name)
    ov, qk = ov_map(model, 2, 3), qk_map(model, 2, 3)
    np.testing.assert_allclose(
        ov_map(model, 2, 3, [4, 9], [0, 2, 8]), ov[[4, 9]][:, [0, 2, 8]], atol=1e-5
    )
    assert explain_ov(model, 2, 3, 4, 8).result == pytest.approx(ov[4, 8], abs=1e-5)
    found = explain_qk(model, 2, 3, (4, 8), 1)
    assert found.result == pytest.approx(qk[4, 8], abs=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_copying_is_the_share_of_ovs_own_eigenvalues(name):
    model = small_model(name)
    found = copying(model)
    for layer, head in np.ndindex(found.scores.shape):
        eigenvalues = np.linalg.eigvals(ov_map(model, layer, head).astype(np.float64))
        expected = eigenvalues.real.sum() / np.abs(eigenvalues).sum()
        assert found.scores[layer, head] == pytest.approx(expected, abs=1e-4)
    assert -1 < found.low < 0 < found.high < 1


def test_a_head_that_writes_what_it_reads_copies():
    model = small_model("embedding norm")
    model.token_embedding.weight.copy_(torch.eye(VOCAB)[:, :16])
    attention = model.blocks[0].attn
    for sign in (1, -1):
        attention.qkv.weight[-16:-12] = torch.eye(16)[:4]  # the values of head 0
        attention.output.weight[:, :4] = sign * torch.eye(16)[:, :4]
        model.blocks[0].ln1.weight.fill_(1)
        model.ln_final.weight.fill_(1)
        assert copying(model).scores[0, 0] == pytest.approx(sign, abs=1e-6)
        share = share_raising_itself(model, 0, 0, [0, 1, 2, 3])
        assert share == (1 if sign > 0 else 0)
