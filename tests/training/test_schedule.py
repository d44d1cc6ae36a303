"""The schedule: known shapes, and Hugging Face's numbers."""

from itertools import pairwise

import pytest
import torch
import transformers

from minigpt.config import TrainConfig
from minigpt.training.schedule import (
    build_schedule,
    get_cosine_schedule_with_warmup,
    schedule_factor,
)


def rates(make_scheduler, steps: int) -> list[float]:
    """Step an optimizer of peak 0.3 and note the rate of each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = make_scheduler(optimizer)
    noted = []
    for _ in range(steps):
        noted.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return noted


@pytest.mark.parametrize(("warmup", "total"), [(0, 50), (5, 50), (10, 100), (50, 50)])
def test_the_cosine_schedule_has_the_numbers_of_transformers(warmup, total):
    ours = rates(lambda o: get_cosine_schedule_with_warmup(o, warmup, total), total + 5)
    theirs = rates(
        lambda o: transformers.get_cosine_schedule_with_warmup(o, warmup, total),
        total + 5,
    )
    assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_decay_ends_at_the_minimum_and_never_rises(schedule):
    config = TrainConfig(
        schedule=schedule, warmup_steps=10, min_learning_rate_ratio=0.1
    )
    factors = [schedule_factor(step, config, 200) for step in range(201)]
    assert factors[200] == pytest.approx(0.1)
    assert max(factors) == factors[10] == 1.0
    assert all(early >= late for early, late in pairwise(factors[10:]))


def test_the_warm_up_rises_in_equal_parts_and_wastes_no_step():
    config = TrainConfig(warmup_steps=4, schedule="constant")
    factors = [schedule_factor(step, config, 100) for step in range(6)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_a_short_run_has_a_short_warm_up():
    config = TrainConfig(warmup_steps=100)
    assert schedule_factor(5, config, 50) == pytest.approx(1.0)


def test_a_constant_schedule_needs_no_end():
    config = TrainConfig(schedule="constant", warmup_steps=0)
    assert schedule_factor(10**9, config, None) == 1.0


def test_every_group_keeps_its_own_peak():
    slow, fast = torch.zeros(1), torch.zeros(1)
    optimizer = torch.optim.SGD(
        [{"params": [slow], "lr": 0.1}, {"params": [fast], "lr": 1.0}]
    )
    scheduler = build_schedule(optimizer, TrainConfig(warmup_steps=1), 10)
    assert scheduler.get_last_lr() == pytest.approx([0.05, 0.5])


def test_a_decay_may_rest_at_the_peak_first():
    config = TrainConfig(
        schedule="linear",
        warmup_steps=20,
        decay_start=0.7,
        min_learning_rate_ratio=0.1,
    )
    factors = [schedule_factor(step, config, 400) for step in range(401)]
    assert set(factors[20:281]) == {1.0}
    assert factors[340] == pytest.approx(0.55)
    assert factors[400] == pytest.approx(0.1)
    assert max(factors[:20]) < 1.0
