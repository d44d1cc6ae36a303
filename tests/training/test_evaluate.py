"""Evaluation: every token counts once and equally."""

import math

import pytest
import torch

from minigpt.errors import DataError
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.training.evaluate import evaluate_loss
from minigpt.training.loss import IGNORED, language_model_loss


@pytest.fixture
def batch():
    tokens = torch.randint(30, (7, 13), generator=torch.Generator().manual_seed(3))
    inputs, labels = tokens[:, :-1], tokens[:, 1:].clone()
    labels[:3, 4:] = IGNORED
    return inputs, labels


def test_the_loss_does_not_depend_on_how_the_text_is_batched(new_model, batch):
    model = new_model().eval()
    with torch.no_grad():
        expected = language_model_loss(model(batch[0]), batch[1]).item()
    for size in (1, 2, 3, 7):
        parts = zip(*(half.split(size) for half in batch), strict=True)
        assert evaluate_loss(model, parts).loss == pytest.approx(expected, abs=1e-5)


def test_mappings_and_pairs_are_the_same(new_model, batch):
    model = new_model()
    mapping = {"input_ids": batch[0], "labels": batch[1], "more": "ignored"}
    assert evaluate_loss(model, [mapping]) == evaluate_loss(model, [batch])


def test_the_mode_of_the_model_is_restored_and_dropout_is_off(new_model, batch):
    model = new_model(dropout=0.5).train()
    assert evaluate_loss(model, [batch]) == evaluate_loss(model, [batch])
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_perplexity_is_the_exponential_of_the_loss(new_model, batch):
    evaluation = evaluate_loss(new_model(), [batch])
    assert evaluation.perplexity == pytest.approx(math.exp(evaluation.loss))
    assert evaluation.perplexity == pytest.approx(30, rel=0.2)


def test_with_characters_as_tokens_bits_per_character_is_the_loss_in_bits(new_model):
    text = "abcdefghijklmnopqrstuvwxyz"
    tokenizer = CharTokenizer()
    tokenizer.build_vocab([text])
    tokens = torch.tensor([tokenizer.encode(text[:13])])
    evaluation = evaluate_loss(
        new_model(), [(tokens[:, :-1], tokens[:, 1:])], tokenizer
    )
    assert evaluation.num_characters == evaluation.num_tokens == 12
    assert evaluation.nats_per_character == pytest.approx(evaluation.loss)
    assert evaluation.bits_per_character == pytest.approx(evaluation.loss / math.log(2))


def test_without_a_tokenizer_characters_are_unknown(new_model, batch):
    assert evaluate_loss(new_model(), [batch]).bits_per_character is None


def test_nothing_to_predict_is_an_error(new_model, batch):
    with pytest.raises(DataError, match="no token to predict"):
        evaluate_loss(new_model(), [])
    with pytest.raises(DataError, match="no token to predict"):
        evaluate_loss(new_model(), [(batch[0], torch.full_like(batch[1], IGNORED))])


def test_a_batch_of_an_unknown_kind_is_said(new_model):
    with pytest.raises(DataError, match="input_ids"):
        evaluate_loss(new_model(), ["text"])
