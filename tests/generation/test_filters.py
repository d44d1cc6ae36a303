import itertools
import math

import pytest
import torch
from transformers import (
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation import apply_filters, filter_stages
from minigpt.generation.filters import (
    ban_repeated_ngrams,
    drop_below_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    scale_by_temperature,
)


def random_logits(rows: int = 20, vocab: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(rows, vocab, generator=generator)


def logits_with_ties() -> torch.Tensor:
    return random_logits().round()


LOGITS = [random_logits(), logits_with_ties(), torch.zeros(2, 50)]
SEEN = torch.randint(0, 50, (20, 8), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("logits", LOGITS, ids=["random", "ties", "all equal"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: scale_by_temperature(x, 0.7), TemperatureLogitsWarper(0.7)),
        (lambda x: keep_top_k(x, 7), TopKLogitsWarper(7)),
        (lambda x: keep_top_k(x, 500), TopKLogitsWarper(500)),
        (lambda x: keep_top_p(x, 0.9), TopPLogitsWarper(0.9)),
        (lambda x: keep_top_p(x, 0.01), TopPLogitsWarper(0.01)),
        (lambda x: keep_top_p(x, 1.0), TopPLogitsWarper(1.0)),
        (lambda x: drop_below_min_p(x, 0.1), MinPLogitsWarper(0.1)),
        (lambda x: drop_below_min_p(x, 1.0), MinPLogitsWarper(1.0)),
    ],
    ids=["temp", "k7", "k500", "p.9", "p.01", "p1", "min.1", "min1"],
)
def test_each_filter_gives_transformers_distribution(ours, theirs, logits):
    expected = theirs(None, logits.clone()).softmax(dim=-1)
    assert torch.allclose(ours(logits).softmax(dim=-1), expected, atol=1e-7)


@pytest.mark.parametrize("penalty", [0.5, 1.3, 5.0])
def test_the_repetition_penalty_is_transformers(penalty):
    logits = random_logits()
    expected = RepetitionPenaltyLogitsProcessor(penalty)(SEEN, logits.clone())
    assert torch.allclose(penalize_repetition(logits, SEEN, penalty), expected)


def test_all_filters_together_are_transformers_in_its_order():
    config = GenerationConfig(
        temperature=0.6, repetition_penalty=1.4, top_k=20, top_p=0.8, min_p=0.02
    )
    expected = random_logits()
    for theirs in (
        RepetitionPenaltyLogitsProcessor(1.4),
        TemperatureLogitsWarper(0.6),
        TopKLogitsWarper(20),
        TopPLogitsWarper(0.8),
        MinPLogitsWarper(0.02),
    ):
        expected = theirs(SEEN, expected)
    ours = apply_filters(random_logits(), SEEN, config)
    assert torch.allclose(ours.softmax(-1), expected.softmax(-1), atol=1e-6)


def test_the_last_stage_is_what_the_filters_give_and_no_mass_is_lost_unseen():
    config = GenerationConfig(temperature=1.5, top_k=10, top_p=0.9, min_p=0.1)
    stages = filter_stages(random_logits(), SEEN, config)
    assert [s.name for s in stages] == [
        "model",
        "temperature",
        "top_k",
        "top_p",
        "min_p",
    ]
    final = apply_filters(random_logits(), SEEN, config).softmax(dim=-1)
    assert torch.allclose(stages[-1].probabilities, final)
    for before, after in itertools.pairwise(stages):
        gone = (after.probabilities == 0) & (before.probabilities > 0)
        lost = (before.probabilities * gone).sum(dim=-1)
        assert torch.allclose(after.removed, lost)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 9, 10])
@pytest.mark.parametrize("kinds", [2, 3, 50])
def test_the_ban_of_repeated_runs_is_transformers(size, kinds):
    dice = torch.Generator().manual_seed(size)
    texts, logits = torch.randint(0, kinds, (20, 9), generator=dice), random_logits()
    expected = NoRepeatNGramLogitsProcessor(size)(texts, logits.clone())
    found = ban_repeated_ngrams(logits, texts, size)
    assert torch.equal(found, expected)
    assert (found == -math.inf).any() or size > 4 or kinds == 50


def test_where_every_token_is_banned_none_is():
    texts = torch.tensor([[0, 1, 2, 1], [0, 1, 1, 1]])
    logits = torch.tensor([[3.0, 2.0, 1.0]] * 2)
    found = ban_repeated_ngrams(logits, texts, 1)
    assert found.tolist() == [[3.0, 2.0, 1.0], [-math.inf, -math.inf, 1.0]]


def test_greedy_knows_only_the_penalty_and_the_ban():
    config = GenerationConfig(strategy="greedy", top_k=1, temperature=0.1)
    assert torch.equal(apply_filters(random_logits(), SEEN, config), random_logits())


@pytest.mark.parametrize(
    "setting",
    [
        {"top_p": 0.0},
        {"top_p": 2.0},
        {"temperature": -1.0},
        {"top_k": 0},
        {"min_p": 1.5},
        {"num_beams": 0},
        {"max_new_tokens": 0},
        {"repetition_penalty": 0.0},
        {"no_repeat_ngram": 0},
        {"temprature": 1.0},
        {"temperature": math.nan},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_named(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        GenerationConfig(**setting)
