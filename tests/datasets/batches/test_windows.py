"""Batches are a function of (seed, step, rank), and an epoch is a fair pass."""

import random

import pytest
import torch

from minigpt.datasets.batches.windows import WindowSampler
from minigpt.errors import ConfigError, DataError

ROW = torch.arange(1000, dtype=torch.int32)


def batches(sampler, steps):
    return [sampler.batch(step)[0].tolist() for step in steps]


def test_any_step_can_be_asked_for_in_any_order():
    steps = list(range(60))
    expected = batches(WindowSampler(ROW, 10, 4, seed=1), steps)
    shuffled = random.Random(0).sample(steps, len(steps))
    again = dict(
        zip(shuffled, batches(WindowSampler(ROW, 10, 4, seed=1), shuffled), strict=True)
    )
    assert [again[step] for step in steps] == expected
    assert batches(WindowSampler(ROW, 10, 4, seed=2), steps) != expected


def test_labels_are_the_tokens_that_follow():
    inputs, labels = WindowSampler(ROW, 10, 4, seed=1).batch(7)
    assert inputs.shape == labels.shape == (4, 10)
    assert inputs.dtype == labels.dtype == torch.long
    assert torch.equal(labels, inputs + 1)


def test_an_epoch_sees_no_token_twice_and_nearly_all_of_them():
    sampler = WindowSampler(ROW, 10, 4, seed=1)
    for epoch in range(5):
        first = epoch * sampler.steps_per_epoch
        steps = range(first, first + sampler.steps_per_epoch)
        seen = torch.cat([sampler.batch(step)[0].flatten() for step in steps]).tolist()
        assert len(set(seen)) == len(seen)
        assert len(seen) >= 0.95 * len(ROW)


def test_each_epoch_has_its_own_order_and_its_own_offset():
    sampler = WindowSampler(ROW, 10, 4, seed=1)
    offsets, orders = set(), set()
    for epoch in range(20):
        starts = sampler.batch(epoch * sampler.steps_per_epoch)[0][:, 0]
        offsets.add(int(starts[0]) % 10)
        orders.add(tuple((starts // 10).tolist()))
    assert len(offsets) > 5
    assert len(orders) == 20


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_all_ranks_together_see_the_batch_of_one_process(world_size):
    sampler = WindowSampler(ROW, 10, 4, seed=1)
    for step in (0, 13, 40):
        whole = sampler.batch(step)[0]
        shares = [sampler.batch(step, r, world_size)[0] for r in range(world_size)]
        together = sorted(row.tolist() for share in shares for row in share)
        assert together == sorted(whole.tolist())
        assert all(len(share) for share in shares)


@pytest.mark.parametrize("size", [11, 12, 20, 21, 30, 31, 45])
def test_even_a_tiny_text_gives_full_batches(size):
    sampler = WindowSampler(ROW[:size], 10, 8, seed=1)
    for step in range(10):
        inputs, labels = sampler.batch(step)
        assert inputs.shape == (8, 10)
        assert int(labels.max()) < size


def test_the_last_token_is_learned_too():
    sampler = WindowSampler(ROW[:31], 10, 1, seed=1)
    seen = {int(label) for step in range(400) for label in sampler.batch(step)[1][0]}
    assert seen == set(range(1, 31))


def test_what_cannot_work_is_refused_with_the_numbers():
    with pytest.raises(DataError, match="10 tokens to learn from; one window needs 11"):
        WindowSampler(ROW[:10], 10, 4, seed=1)
    with pytest.raises(ConfigError, match="batch_size is 2, for 4 processes"):
        WindowSampler(ROW, 10, 2, seed=1).batch(0, rank=0, world_size=4)
    with pytest.raises(ConfigError, match="batch_size 0"):
        WindowSampler(ROW, 10, 0, seed=1)
