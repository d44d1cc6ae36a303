"""The loss: torch's own cross-entropy, with some positions left out."""

import math

import pytest
import torch
from torch.nn import functional as F

from minigpt.model import create_model
from minigpt.training.loss import IGNORED, count_labels, language_model_loss


def test_without_masked_labels_the_loss_is_the_cross_entropy_of_torch():
    logits, labels = torch.randn(3, 7, 11), torch.randint(11, (3, 7))
    expected = F.cross_entropy(logits.reshape(-1, 11), labels.reshape(-1))
    torch.testing.assert_close(language_model_loss(logits, labels), expected)


def test_masked_positions_change_neither_loss_nor_gradient():
    logits = torch.randn(2, 5, 9, requires_grad=True)
    labels = torch.randint(9, (2, 5))
    labels[:, 3:] = IGNORED
    language_model_loss(logits, labels).backward()
    expected = F.cross_entropy(logits[:, :3].reshape(-1, 9), labels[:, :3].reshape(-1))
    torch.testing.assert_close(language_model_loss(logits, labels), expected)
    assert logits.grad[:, 3:].abs().max() == 0


def test_the_sum_is_the_mean_times_the_number_of_labels():
    logits, labels = torch.randn(2, 5, 9), torch.randint(9, (2, 5))
    labels[0, :2] = IGNORED
    mean = language_model_loss(logits, labels)
    total = language_model_loss(logits, labels, reduction="sum")
    torch.testing.assert_close(total, mean * count_labels(labels))


def test_no_labels_at_all_give_zero_and_not_nan():
    labels = torch.full((1, 4), IGNORED)
    assert language_model_loss(torch.randn(1, 4, 5), labels) == 0


def test_half_precision_logits_give_a_full_precision_loss():
    loss = language_model_loss(torch.randn(1, 4, 5).bfloat16(), torch.ones(1, 4).long())
    assert loss.dtype == torch.float32


@pytest.mark.parametrize("kind", ["transformer", "mlp"])
def test_an_untrained_model_is_as_surprised_as_a_uniform_guess(kind):
    torch.manual_seed(0)
    model = create_model(kind, vocab_size=100, d_model=64, num_layers=2)
    tokens = torch.randint(100, (8, 33))
    loss = language_model_loss(model(tokens[:, :-1]), tokens[:, 1:])
    assert loss.item() == pytest.approx(math.log(100), abs=0.15)
