"""An order that is computed is as good as one that is stored."""

import numpy as np
import pytest
import torch

from minigpt.datasets.batches import shuffles
from minigpt.datasets.batches.shuffles import Scattered, random_order
from minigpt.datasets.batches.windows import WindowSampler


def order(count, seed=0):
    return Scattered(count, np.random.default_rng(seed))[np.arange(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 1000, 70_001])
def test_every_place_is_somewhere_exactly_once(count):
    assert sorted(order(count).tolist()) == list(range(count))


def test_places_may_be_asked_for_in_any_order_and_seeds_differ():
    scattered = Scattered(10**12, np.random.default_rng(1))
    places = np.array([0, 10**12 - 1, 5, 123_456_789_012])
    found = scattered[places]
    assert scattered[places[::-1]].tolist() == found[::-1].tolist()
    assert len({*found.tolist()}) == 4
    assert 0 <= found.min() <= found.max() < 10**12
    other = Scattered(10**12, np.random.default_rng(2))[places]
    assert (other != found).all()


def test_neighbours_are_scattered_as_by_a_fair_shuffle():
    found = order(100_000)
    # Of a fair shuffle: no correlation with the place, nor with the neighbour.
    for other in (np.arange(100_000), np.roll(found, 1)):
        assert abs(np.corrcoef(found, other)[0, 1]) < 0.02
    # Each tenth of the places holds a tenth of each tenth of the numbers.
    counts = np.histogram2d(np.arange(100_000), found, bins=10)[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 160  # chi², 81 degrees of freedom


def test_few_things_are_listed_as_numpy_shuffles_them():
    listed = random_order(1000, np.random.default_rng(7))
    assert np.array_equal(listed, np.random.default_rng(7).permutation(1000))
    assert isinstance(random_order(2**21, np.random.default_rng(7)), Scattered)


def test_an_epoch_of_very_many_windows_sees_each_once(monkeypatch):
    monkeypatch.setattr(shuffles, "LISTED", 10)
    row = torch.arange(5003)
    sampler = WindowSampler(row, context=10, batch_size=7, seed=3)
    for epoch in range(3):
        first = epoch * sampler.steps_per_epoch
        steps = range(first, first + sampler.steps_per_epoch)
        seen = torch.cat([sampler.batch(step)[0].flatten() for step in steps]).tolist()
        assert len(set(seen)) == len(seen)
        assert len(seen) > 4900
    again = WindowSampler(row, context=10, batch_size=7, seed=3)
    assert torch.equal(again.batch(100)[0], sampler.batch(100)[0])
