"""The tuned lens begins as the logit lens, comes closer, and leaves the model alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from model.test_transformer import VARIANTS, small_model, some_tokens

import minigpt
from minigpt.checkpoint.metadata import CheckpointMetadata
from minigpt.interpret.corpora import divided
from minigpt.interpret.stream.logit_lens import lens_column, logit_lens
from minigpt.interpret.stream.tuned_lens import TunedLens, tune_lens

WINDOWS = some_tokens(8, 12).numpy()
TALES = Path("data/models/tales")


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_before_training_it_is_the_logit_lens_exactly(changes):
    model = small_model(**changes)
    lens, tokens = TunedLens(model, WINDOWS), WINDOWS[0].tolist()
    raw = lens_column(model, tokens, 7)
    np.testing.assert_array_equal(lens.column(tokens, 7).logits, raw.logits)
    found = lens.distances(WINDOWS)
    np.testing.assert_array_equal(found.tuned, found.raw)
    one_by_one = [logit_lens(model, each.tolist()).kl for each in WINDOWS]
    np.testing.assert_allclose(found.raw, np.mean(one_by_one, (0, 2)), rtol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_training_it_changes_no_weight_and_leaves_no_gradient(changes):
    model = small_model(**changes).requires_grad_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lens = tune_lens(model, WINDOWS, 3)
    assert lens.matrices.abs().sum() > 0
    assert all(each.grad is None for each in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_on_text_it_did_not_see_it_is_closer_at_every_point_but_the_last():
    step = max(TALES.rglob("config.json")).parent
    model, tokenizer, metadata = minigpt.load(str(step))
    text = divided(metadata, tokenizer, 32, (64, 16))
    found = tune_lens(model, text.fitted, 30).distances(text.unseen)
    assert (found.tuned[:-1] < 0.9 * found.raw[:-1]).all()
    assert found.closer == len(found.raw) - 1
    assert found.tuned[-1] == found.raw[-1] == 0


def test_a_step_is_adams_on_the_gradient_of_the_mean_divergence():
    model = small_model()
    lens = tune_lens(model, WINDOWS[:4], 10, until=1)
    matrix = torch.zeros(32, 32, requires_grad=True)
    with torch.no_grad():
        logits, cache = model.run_with_cache(torch.tensor(WINDOWS[:4]))
    h = cache["resid_mid", 0].clone()
    said = model.unembed(model.ln_final(h + h @ matrix.T)).log_softmax(-1)
    loss = torch.nn.functional.kl_div(
        said, logits.log_softmax(-1), reduction="none", log_target=True
    )
    loss.sum(-1).mean().backward()
    # Adam's first step has the size of the learning rate, whatever the gradient's.
    expected = -2e-3 * matrix.grad / (matrix.grad.abs() + 1e-8)
    torch.testing.assert_close(lens.matrices[1].detach(), expected, atol=1e-6, rtol=0.1)


def test_it_stops_when_its_steps_are_done_and_goes_on_where_it_was():
    model = small_model()
    whole, parts = tune_lens(model, WINDOWS, 4), tune_lens(model, WINDOWS, 4, until=2)
    assert (whole.is_trained, parts.is_trained, parts.step) == (True, False, 2)
    for _ in range(5):
        parts.advance()
    assert parts.step == 4
    assert torch.equal(whole.matrices, parts.matrices)


def test_the_text_to_try_it_on_shares_no_window_with_the_text_to_learn_from():
    step = max(TALES.rglob("config.json")).parent
    _, tokenizer, metadata = minigpt.load(str(step))
    found = divided(metadata, tokenizer, 16, (64, 32))
    seen = {each.tobytes() for each in found.fitted}
    assert (found.fitted.shape, found.unseen.shape) == ((64, 16), (32, 16))
    assert not any(each.tobytes() in seen for each in found.unseen)


def test_a_model_that_names_no_text_has_none():
    step = max(TALES.rglob("config.json")).parent
    _, tokenizer, metadata = minigpt.load(str(step))
    unnamed = CheckpointMetadata(**{**vars(metadata), "provenance": {}})
    assert divided(unnamed, tokenizer, 16, (4, 4)) is None
    gone = {"data": {"source": "/not/there.txt"}}
    elsewhere = CheckpointMetadata(**{**vars(metadata), "provenance": gone})
    assert divided(elsewhere, tokenizer, 16, (4, 4)) is None
