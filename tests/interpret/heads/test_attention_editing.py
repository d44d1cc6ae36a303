"""Edits of a head: what they leave out, that rows stay averages, and what follows."""

import math

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.heads.attention_editing import (
    HeadEdit,
    edit_head,
    set_weight,
    unscaled_pattern,
)
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2]
SCHEMES = ["learned", "sinusoidal", "rope", "alibi", "relative", "none"]


def model_of(**settings):
    torch.manual_seed(0)
    shape = {"vocab_size": 12, "d_model": 16, "num_layers": 2, "num_heads": 2}
    model = create_model("transformer", **{**shape, "max_seq_len": 16, **settings})
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return model.eval().requires_grad_(False)


def edited(model, query=4, **edit):
    return edit_head(model, TOKENS, 0, 1, query, HeadEdit(**edit))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_edit_that_changes_nothing_changes_nothing(scheme):
    model = model_of(positional_encoding=scheme)
    steps = attention_steps(model, TOKENS, 0, 1, 4)
    same = edited(model)
    np.testing.assert_allclose(same.steps.scores, steps.scores, atol=1e-5)
    np.testing.assert_allclose(same.pattern, steps.pattern, atol=1e-5)
    np.testing.assert_allclose(same.z, steps.z, atol=1e-5)
    assert same.here.kl == pytest.approx(0, abs=1e-6)
    assert same.last.kl == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_the_root_the_scores_are_the_raw_products(scheme):
    model = model_of(positional_encoding=scheme)
    steps = attention_steps(model, TOKENS, 0, 1, 4)
    bias = 0 if steps.bias is None else steps.bias[:5]
    large = edited(model, divisor=1)
    np.testing.assert_allclose(large.steps.scores[:5], steps.raw[:5] + bias, atol=1e-4)
    assert np.isneginf(large.steps.scores[5:]).all()
    np.testing.assert_allclose(unscaled_pattern(steps), large.pattern, atol=1e-5)


def test_without_the_root_a_row_collapses():
    model = model_of(positional_encoding="none")
    before = attention_steps(model, TOKENS, 0, 1, 6).pattern
    after = edited(model, 6, divisor=1).pattern
    assert after.max() > before.max()
    assert _entropy(after) < _entropy(before)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_the_mask_the_future_leaks(scheme):
    model = model_of(positional_encoding=scheme)
    leaking = edited(model, 2, without_mask=True)
    assert np.isfinite(leaking.steps.scores).all()
    assert leaking.pattern[3:].sum() > 0.01
    assert leaking.pattern.sum() == pytest.approx(1, abs=1e-5)
    # What comes later now changes what is predicted here: the leak itself.
    other = edit_head(model, [*TOKENS[:-1], 7], 0, 1, 2, HeadEdit(without_mask=True))
    assert np.abs(other.here.after - leaking.here.after).max() > 1e-5
    np.testing.assert_allclose(other.here.before, leaking.here.before, atol=1e-6)


@pytest.mark.parametrize("scheme", ["alibi", "relative"])
def test_without_positions_the_scores_are_products_alone(scheme):
    model = model_of(positional_encoding=scheme)
    steps = attention_steps(model, TOKENS, 0, 1, 4)
    bare = edited(model, without_positions=True)
    np.testing.assert_allclose(bare.steps.scores[:5], steps.scaled[:5], atol=1e-5)


def test_without_rope_the_products_are_those_of_unturned_vectors():
    model = model_of(positional_encoding="rope")
    steps = attention_steps(model, TOKENS, 0, 1, 4)
    bare = edited(model, without_positions=True)
    expected = steps.plain_k @ steps.plain_q / math.sqrt(8)
    np.testing.assert_allclose(bare.steps.scores[:5], expected[:5], atol=1e-5)


EDITS = [
    {},
    {"divisor": 1},
    {"divisor": 1.7},
    {"without_mask": True},
    {"without_positions": True},
    {"divisor": 1, "without_positions": True, "without_mask": True},
    {"divisor": 2, "without_mask": True, "weight": (2, 0.75)},
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("edit", EDITS)
def test_every_row_is_the_result_of_the_row_above_it(scheme, edit):
    model = model_of(positional_encoding=scheme)
    whole = attention_steps(model, TOKENS, 0, 1, 4)
    after = edited(model, **edit)
    rows, given = after.steps, HeadEdit(**edit)
    np.testing.assert_allclose(rows.raw, rows.k @ rows.q, atol=1e-4)
    divisor = given.divisor or math.sqrt(8)
    np.testing.assert_allclose(rows.scaled, rows.raw / divisor, atol=1e-4)
    before_mask = rows.scaled
    if scheme in ("alibi", "relative"):
        added = whole.bias * (not given.without_positions)
        np.testing.assert_allclose(rows.biased, rows.scaled + added, atol=1e-4)
        assert (rows.bias[5:] == 0).all()  # no scheme has a bias for the future
        before_mask = rows.biased
    scores = before_mask.copy()
    if not given.without_mask:
        scores[5:] = -np.inf
    np.testing.assert_allclose(rows.scores, scores, atol=1e-4)
    powers = np.exp(scores - scores.max())
    np.testing.assert_allclose(rows.pattern, powers / powers.sum(), atol=1e-5)
    np.testing.assert_allclose(rows.z, rows.pattern @ rows.v, atol=1e-5)
    np.testing.assert_allclose(after.z, after.pattern @ rows.v, atol=1e-5)


def test_a_divisor_that_divides_nothing_is_refused():
    with pytest.raises(DataError, match="divided by a number > 0, not by 0"):
        edited(model_of(), divisor=0)


def test_a_weight_is_set_and_the_others_keep_their_proportions():
    model = model_of()
    before = attention_steps(model, TOKENS, 0, 1, 4).pattern
    after = edited(model, weight=(2, 0.9)).pattern
    assert after[2] == pytest.approx(0.9)
    assert after.sum() == pytest.approx(1, abs=1e-6)
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(
        after[others] / after[others].sum(),
        before[others] / before[others].sum(),
        atol=1e-5,
    )


def test_a_set_weight_reaches_z_and_the_prediction():
    model = model_of()
    steps = attention_steps(model, TOKENS, 0, 1, 4)
    all_on_two = edited(model, weight=(2, 1.0))
    np.testing.assert_allclose(all_on_two.z, steps.v[2], atol=1e-5)
    assert all_on_two.here.kl > 1e-4
    row = torch.zeros(7)
    row[2] = 1

    def put(value, hook):
        value = value.clone()
        value[0, 1, 4] = row
        return value

    logits = model.run_with_hooks(
        torch.tensor([TOKENS]), [("blocks.0.attn.hook_pattern", put)]
    )
    expected = logits[0, 4].softmax(-1)
    np.testing.assert_allclose(all_on_two.here.after, expected, atol=1e-6)
    np.testing.assert_allclose(
        all_on_two.last.after, logits[0, -1].softmax(-1), atol=1e-6
    )


def test_weight_zero_takes_a_token_out_of_the_average():
    row = torch.tensor([0.25, 0.75, 0.0])
    readable = torch.tensor([True, True, False])
    assert set_weight(row, readable, 1, 0.0).tolist() == [1, 0, 0]
    assert set_weight(row, readable, 0, 0.5).tolist() == [0.5, 0.5, 0]


def test_a_row_that_rested_on_one_token_is_shared_evenly():
    row, readable = torch.tensor([1.0, 0, 0]), torch.tensor([True, True, True])
    assert set_weight(row, readable, 0, 0.5).tolist() == [0.5, 0.25, 0.25]


def test_a_row_of_one_token_stays():
    row, readable = torch.tensor([1.0, 0]), torch.tensor([True, False])
    assert set_weight(row, readable, 0, 0.2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("weight", "words"),
    [((2, 1.5), "from 0 to 1"), ((5, 0.5), "may not read token 5"), ((-1, 0.5), "-1")],
)
def test_a_weight_that_cannot_be_set_is_refused(weight, words):
    with pytest.raises(DataError, match=words):
        edited(model_of(), weight=weight)


def _entropy(weights):
    positive = weights[weights > 0]
    return float(-(positive * np.log(positive)).sum())
