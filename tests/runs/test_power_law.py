"""The line through the losses of several sizes, beside numpy's own."""

import numpy as np
import pytest

from minigpt.errors import DataError
from minigpt.runs.power_law import fit_power_law
from minigpt.runs.series_progress import series_progress


def test_the_line_is_numpys_on_logarithms():
    rng = np.random.default_rng(0)
    for count in (2, 4, 9):
        weights = np.exp(rng.uniform(3, 12, count))
        losses = np.exp(rng.normal(0, 1, count))
        found = fit_power_law(weights, losses)
        slope, intercept = np.polyfit(np.log(weights), np.log(losses), 1)
        assert found.slope == pytest.approx(slope)
        assert found.intercept == pytest.approx(intercept)


def test_a_loss_that_is_a_power_of_the_size_is_predicted_exactly():
    weights = [1_000, 4_000, 16_000, 64_000]
    found = fit_power_law(weights, [30 * each**-0.3 for each in weights])
    assert found.loss(256_000) == pytest.approx(30 * 256_000**-0.3)
    assert found.doubling == pytest.approx(0.5**0.3)


@pytest.mark.parametrize(
    ("weights", "losses"),
    [([1_000], [2.0]), ([10, 10], [2.0, 1.0]), ([10, 20], [2.0]), ([10, 20], [1, 0])],
)
def test_what_determines_no_line_is_refused(weights, losses):
    with pytest.raises(DataError):
        fit_power_law(weights, losses)


def test_what_is_left_of_a_series_is_measured_by_what_is_done():
    # Half of the work took 30 s, whatever was expected.
    found = series_progress([1, 2, 3], [1.0, 1.0, 0.0], 30)
    assert found.share == pytest.approx(0.5)
    assert found.seconds_left == pytest.approx(30)
    assert series_progress([1, 2], [0.0, 0.0], 0).seconds_left is None
    assert series_progress([1, 2], [1.0, 1.0], 9).seconds_left == 0
