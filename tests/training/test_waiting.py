"""Threads that wait asleep: there is a second team meanwhile, and no sum changes."""

import os
import sys
import time
from pathlib import Path

import pytest
import torch

from minigpt.training.waiting import Sleep

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="libgomp is torch's library on Linux only"
)


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def threads():
    return len(list(Path("/proc/self/task").iterdir()))


def product():
    torch.manual_seed(0)
    left, right = torch.randn(2, 300, 300)
    return (left @ right).sum()


def test_there_are_more_threads_than_cores_until_it_ends():
    product()
    before, sleep = threads(), Sleep(2)
    assert sleep.is_possible
    for _ in range(2):
        sleep.begin()
        assert threads() - before >= 2 * (len(os.sched_getaffinity(0)) - 1)
        sleep.end()
        deadline = time.monotonic() + 30  # libgomp's own threads end a little later
        while threads() > before:
            assert time.monotonic() < deadline


def test_a_sum_is_the_same_to_the_last_bit():
    awake, sleep = product(), Sleep(2)
    sleep.begin()
    asleep = product()
    assert torch.get_num_threads() == 2
    sleep.end()
    assert torch.equal(awake, asleep)


def test_a_single_thread_waits_for_nobody():
    assert not Sleep(1).is_possible
