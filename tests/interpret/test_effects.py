import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.interpret.effects import compare_logits


def test_the_divergence_is_torchs_own():
    torch.manual_seed(0)
    before, after = torch.randn(2, 50)
    effect = compare_logits(before, after)
    expected = F.kl_div(
        after.log_softmax(-1), before.softmax(-1), reduction="sum"
    ).item()
    assert effect.kl == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(effect.before, before.softmax(-1), atol=1e-6)
    np.testing.assert_allclose(effect.after, after.softmax(-1), atol=1e-6)
    np.testing.assert_array_equal(effect.after_logits, after)


def test_nothing_changed_is_a_divergence_of_zero():
    logits = torch.randn(9)
    assert compare_logits(logits, logits).kl == 0
    # A softmax knows no level: adding a constant to all logits changes nothing.
    assert compare_logits(logits, logits + 3).kl == pytest.approx(0, abs=1e-6)


def test_a_token_that_was_impossible_costs_nothing():
    before = torch.tensor([0.0, 0.0, -torch.inf])
    assert compare_logits(before, torch.zeros(3)).kl == pytest.approx(np.log(1.5))


def test_two_vocabularies_cannot_be_compared():
    with pytest.raises(ValueError, match=r"\[3\] and \[4\]"):
        compare_logits(torch.zeros(3), torch.zeros(4))
