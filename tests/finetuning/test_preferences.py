"""DPO against the paper's formula, with a copy as reference and with an adapter off."""

import math

import pytest
import torch

from minigpt.config import LoraConfig
from minigpt.datasets.conversations import Preference
from minigpt.finetuning.preferences import (
    DirectPreference,
    PreferenceDataset,
    collate_pairs,
    dpo_loss,
)
from minigpt.model.lora import add_lora, lora_layers
from minigpt.tokenizers.chat import Message, encode_chat
from minigpt.training.loss import IGNORED

PAIRS = [
    Preference((Message("user", "Who had the kite?"),), "Mia.", "Tom had the kite."),
    Preference((Message("user", "What color?"),), "The kite was red.", "blue"),
]


@pytest.fixture
def batch(chat_base):
    pairs = PreferenceDataset(PAIRS, chat_base.tokenizer, 64)
    collated = collate_pairs([pairs[0], pairs[1]])
    return collated["input_ids"], collated["labels"]


def log_prob(model, tokenizer, messages):
    """Return ln p(answer | prompt), one token at a time, without any batch."""
    row = encode_chat(messages, tokenizer)
    ids = torch.tensor([[token for token, _ in row]])
    log_probs = model(ids)[0].log_softmax(-1)
    return sum(
        log_probs[place - 1, token]
        for place, (token, is_answer) in enumerate(row)
        if is_answer
    )


def by_hand(model, reference, tokenizer, beta):
    """Return equation 7 of Rafailov et al. 2023, pair by pair."""
    losses = []
    for pair in PAIRS:
        ratios = []
        for answer in (pair.chosen, pair.rejected):
            messages = [*pair.prompt, Message("assistant", answer)]
            ratios.append(
                log_prob(model, tokenizer, messages)
                - log_prob(reference, tokenizer, messages).detach()
            )
        losses.append(-torch.log(torch.sigmoid(beta * ratios[0] - beta * ratios[1])))
    return torch.stack(losses)


def moved(model):
    dice = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape, generator=dice)
    return model


@pytest.mark.parametrize("adapter", [False, True])
def test_loss_and_gradient_are_the_papers(chat_base, batch, adapter):
    from copy import deepcopy

    model, tokenizer = chat_base.model, chat_base.tokenizer
    reference = deepcopy(model).requires_grad_(False)
    if adapter:
        add_lora(model, LoraConfig(rank=2))
    objective = DirectPreference(model, beta=0.3)
    moved(model).eval()
    total = objective.outcome(model, *batch).total
    total.backward()
    own = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    expected = by_hand(model, reference, tokenizer, 0.3).sum()
    expected.backward()
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    assert len(own) == (8 if adapter else len(list(model.parameters())))
    for name, gradient in own.items():
        parameter = model.get_parameter(name)
        torch.testing.assert_close(gradient, parameter.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("adapter", [False, True])
def test_at_the_start_nothing_is_won_and_the_loss_is_ln_2(chat_base, batch, adapter):
    model = chat_base.model
    if adapter:
        add_lora(model, LoraConfig(rank=2))
    objective = DirectPreference(model, beta=0.1)
    outcome = objective.outcome(model, *batch)
    assert outcome.total.item() == pytest.approx(2 * math.log(2), abs=1e-5)
    assert outcome.measures["margin"] == pytest.approx(0.0, abs=1e-5)
    assert all(layer.is_on for layer in lora_layers(model).values())


def test_measures_are_sums_over_pairs(chat_base, batch):
    objective = DirectPreference(chat_base.model, beta=0.5)
    moved(chat_base.model)
    inputs, labels = batch
    whole = objective.outcome(chat_base.model, inputs, labels).measures
    parts = [
        objective.outcome(chat_base.model, inputs[row : row + 1], labels[row : row + 1])
        for row in (0, 1)
    ]
    for name, total in whole.items():
        assert total == pytest.approx(sum(p.measures[name] for p in parts), abs=1e-4)
    assert whole["wins"] in (0.0, 1.0, 2.0)


def test_a_row_without_labels_counts_for_nothing(chat_base, batch):
    objective = DirectPreference(chat_base.model, beta=0.5)
    inputs, labels = batch[0], batch[1].clone()
    labels[1] = IGNORED
    assert objective.count(labels) == 1
    alone = objective.outcome(chat_base.model, inputs[:1], labels[:1])
    both = objective.outcome(chat_base.model, inputs, labels)
    assert both.total.item() == pytest.approx(alone.total.item(), abs=1e-6)


def test_the_loss_falls_as_the_margin_grows():
    zero = torch.zeros(3)
    losses = dpo_loss(torch.tensor([-1.0, 0.0, 1.0]), zero, zero, zero, beta=2.0)
    assert losses.tolist() == pytest.approx(
        [math.log1p(math.exp(-2 * x)) for x in (-1, 0, 1)]
    )
