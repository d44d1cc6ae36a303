"""Slopes of a pattern: times the change, they are what the softmax does."""

import math

import pytest
import torch

from minigpt.interpret.circuits.pattern_slopes import (
    Read,
    StraightPattern,
    key_slopes,
    query_slopes,
)

HEADS, LENGTH = 2, 6


def some_read(size: float) -> tuple[Read, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shape = (HEADS, LENGTH, LENGTH)
    masked = torch.ones(LENGTH, LENGTH).triu(1).bool()
    scores, by_query, by_key, worth = (
        size * torch.randn(shape, generator=generator) for _ in range(4)
    )
    scores = scores.masked_fill(masked, -math.inf)
    return Read(scores.softmax(-1), scores, by_query, by_key), worth / size


def worth_of(scores: torch.Tensor, worth: torch.Tensor) -> torch.Tensor:
    return (scores.softmax(-1) * worth).sum(-1)


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_shares_of_a_query_add_up_to_what_the_mean_query_would_lose(size):
    read, worth = some_read(size)
    lost = worth_of(read.scores, worth) - worth_of(read.scores - read.by_query, worth)
    shares = (query_slopes(read, worth) * read.by_query).sum(-1)
    torch.testing.assert_close(shares, lost, atol=2e-2 * size, rtol=0)


@pytest.mark.parametrize("size", [1e-4, 1.0, 12.0])
def test_a_key_s_share_is_what_the_mean_key_in_its_place_would_lose(size):
    read, worth = some_read(size)
    shares = key_slopes(read, worth) * read.by_key
    for query in range(LENGTH):
        for key in range(query + 1):
            changed = read.scores[:, query].clone()
            changed[:, key] -= read.by_key[:, query, key]
            lost = worth_of(read.scores[:, query], worth[:, query])
            lost = lost - worth_of(changed, worth[:, query])
            torch.testing.assert_close(
                shares[:, query, key], lost, atol=1e-4, rtol=1e-3
            )
    assert shares.triu(1).abs().max() == 0


def test_where_the_softmax_is_saturated_the_slope_still_sees_the_key():
    scores = torch.tensor([[[0.0, -math.inf], [-20.0, 20.0]]])
    by_key = torch.tensor([[[0.0, 0.0], [0.0, 40.0]]])
    read = Read(scores.softmax(-1), scores, torch.zeros(1, 2, 2), by_key)
    worth = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    scores = scores.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((scores.softmax(-1) * worth).sum(), scores)
    assert gradient[0, 1, 1].abs() < 1e-6
    assert float(key_slopes(read, worth)[0, 1, 1]) == pytest.approx(0.5 / 40, rel=1e-3)


def test_the_pattern_itself_is_left_as_it_is():
    read, worth = some_read(1.0)
    both = [read.scores.clone().requires_grad_() for _ in range(2)]
    pattern = StraightPattern.apply(*both, *read)
    assert torch.equal(pattern, read.pattern)
    to_query, to_key = torch.autograd.grad((pattern * worth).sum(), both)
    assert torch.equal(to_query, query_slopes(read, worth))
    assert torch.equal(to_key, key_slopes(read, worth))
