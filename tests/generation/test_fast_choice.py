"""A token drawn in NumPy is the one that the filters and the race of torch draw."""

import pytest
import torch

from minigpt.config import GenerationConfig
from minigpt.generation.fast_choice import FEW_TOKENS, can_draw_fast, draw_fast
from minigpt.generation.filters import apply_filters
from minigpt.generation.sample import draw_token

USUAL = [
    {"temperature": 0.7},
    {"temperature": 1.0, "top_k": 5},
    {"temperature": 1e-20, "top_k": 3},
    {"temperature": 30.0, "top_k": 1},
    {"top_k": 1000},
]
OTHER = [
    {"top_p": 0.9},
    {"min_p": 0.1},
    {"repetition_penalty": 1.1},
    {"no_repeat_ngram": 2},
    {"temperature": 0.0},
    {"strategy": "greedy"},
]
NOTHING = torch.zeros(1, 0, dtype=torch.int64)


@pytest.mark.parametrize("settings", USUAL, ids=str)
def test_it_draws_the_same_tokens(settings):
    config = GenerationConfig(**settings)
    dice, same_dice = (torch.Generator().manual_seed(4) for _ in range(2))
    for seed in range(200):
        logits = torch.randn(1, 65, generator=torch.Generator().manual_seed(seed)) * 4
        logits[0, 1:9] = logits[0, 0]  # equals of the k-th all stay
        filtered = apply_filters(logits, NOTHING, config)
        expected = draw_token(filtered, dice)
        assert can_draw_fast(logits, config)
        token, own, waits = draw_fast(logits, config, same_dice)
        assert token == expected[0]
        assert torch.equal(waits, expected[1])
        torch.testing.assert_close(own, filtered, rtol=1e-6, atol=0)


@pytest.mark.parametrize("settings", OTHER, ids=str)
def test_all_other_settings_are_left_to_the_filters(settings):
    assert not can_draw_fast(torch.zeros(1, 65), GenerationConfig(**settings))


def test_a_large_vocabulary_is_left_to_torch():
    usual = GenerationConfig()
    assert can_draw_fast(torch.zeros(1, FEW_TOKENS), usual)
    assert not can_draw_fast(torch.zeros(1, FEW_TOKENS + 1), usual)
