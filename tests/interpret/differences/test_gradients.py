"""Gradients: against torch's own on the model itself, and against small differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.interpret.differences.gradients import batch_gradients, saliency
from minigpt.interpret.differences.head_weights import head_weights
from minigpt.model import MLPLM, TransformerLM

TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]
BATCH = np.array([TOKENS, TOKENS[::-1]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = TransformerLM(vocab_size=11, d_model=16, num_layers=2, num_heads=2).double()
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return made.eval().requires_grad_(False)


def true_gradients(model, batch):
    model.requires_grad_(True)
    ids = torch.tensor(batch)
    logits = model(ids)[:, :-1].flatten(0, 1)
    # As the training does it: the loss is computed in single precision.
    loss = F.cross_entropy(logits.float(), ids[:, 1:].flatten())
    loss.backward()
    found = {name: weight.grad for name, weight in model.named_parameters()}
    model.zero_grad()
    model.requires_grad_(False)
    return float(loss), found


def test_norms_are_those_of_the_models_own_gradients(model):
    found = batch_gradients(model, BATCH)
    loss, expected = true_gradients(model, BATCH)
    assert found.loss == pytest.approx(loss, rel=1e-6)
    assert found.names == list(expected)
    norms = [float(gradient.norm()) for gradient in expected.values()]
    np.testing.assert_allclose(found.norms, norms, rtol=1e-5)
    parts = head_weights(expected, model.config, 1, 0).values()
    norm = torch.cat([part.flatten() for part in parts]).norm()
    assert found.heads[1, 0] == pytest.approx(float(norm), rel=1e-5)


def test_a_frozen_model_stays_frozen_and_as_it_was(model):
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    with torch.inference_mode():  # as a page may call it
        batch_gradients(model, BATCH)
        saliency(model, TOKENS, 2)
    for name, weight in model.named_parameters():
        assert not weight.requires_grad
        assert weight.grad is None
        assert torch.equal(weight, before[name])


def test_saliency_is_torchs_own_gradient_times_the_embedding(model):
    found = saliency(model, TOKENS, 2, position=5)
    start = model.token_embedding(torch.tensor([TOKENS])).requires_grad_()
    logits = model.run_with_hooks(
        torch.tensor([TOKENS]), [("hook_embed", lambda value, hook: start)]
    )
    logits[0, 5, 2].backward()
    expected = (start.grad * start).sum(-1)[0].detach()
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert found.value == pytest.approx(float(logits[0, 5, 2]), rel=1e-6)


def test_saliency_is_what_fading_a_token_a_little_does(model):
    found = saliency(model, TOKENS, 2, rival=7)
    small = 1e-5

    def difference(place, factor):
        def fade(value, hook):
            value = value.clone()
            value[0, place] *= factor
            return value

        row = model.run_with_hooks(torch.tensor([TOKENS]), [("hook_embed", fade)])[
            0, -1
        ]
        return float(row[2] - row[7])

    for place in range(len(TOKENS)):
        slope = (difference(place, 1 + small) - difference(place, 1 - small)) / (
            2 * small
        )
        assert found.scores[place] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    assert found.value == pytest.approx(difference(0, 1.0), rel=1e-6)


def test_later_tokens_have_no_say(model):
    scores = saliency(model, TOKENS, 2, position=3).scores
    assert scores[:4].all()
    assert not scores[4:].any()


def test_an_mlp_has_gradients_but_no_heads():
    mlp = MLPLM(vocab_size=11, d_model=8, d_ff=8).eval().requires_grad_(False)
    assert batch_gradients(mlp, BATCH).heads is None
    assert saliency(mlp, TOKENS, 2).scores.shape == (8,)


def test_nothing_to_predict_is_said(model):
    with pytest.raises(DataError, match="two tokens"):
        batch_gradients(model, np.array([[1]]))
    with pytest.raises(DataError, match="empty"):
        saliency(model, [], 2)
