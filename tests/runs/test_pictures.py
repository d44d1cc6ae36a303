"""The loss curve, its baselines, and the steps that are photographed."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.preparation.baselines import count_baselines
from minigpt.runs.curves import loss_curve_svg, nice_ticks
from minigpt.runs.snapshots import snapshot_steps


def test_a_uniform_text_has_baselines_of_ln_vocab():
    tokens = np.random.default_rng(0).integers(0, 8, 200_000)
    found = count_baselines(tokens[:100_000], tokens[100_000:], 8)
    assert found.uniform == pytest.approx(math.log(8))
    assert found.unigram == pytest.approx(math.log(8), abs=1e-3)
    assert found.bigram == pytest.approx(math.log(8), abs=2e-3)


def test_a_text_that_follows_from_the_token_before_costs_a_bigram_nothing():
    tokens = np.tile(np.arange(5), 1000)
    found = count_baselines(tokens, tokens, 5)
    assert found.unigram == pytest.approx(math.log(5), abs=1e-3)
    assert found.bigram < 0.01


def test_bigram_agrees_with_counting_by_hand():
    train, held_out = [0, 1, 0, 1, 0, 0], [0, 1, 1]
    unigram = [(4 + 1 / 2) / 7, (2 + 1 / 2) / 7]
    after_0 = (2 + unigram[1]) / (3 + 1)  # 0 → 1 twice of three
    after_1 = (0 + unigram[1]) / (2 + 1)  # 1 → 1 never of two
    found = count_baselines(np.array(train), np.array(held_out), 2)
    assert found.unigram == pytest.approx(-math.log(unigram[1]))
    assert found.bigram == pytest.approx(-(math.log(after_0) + math.log(after_1)) / 2)


def test_tokens_never_seen_in_training_still_cost_a_finite_loss():
    found = count_baselines(np.array([0, 0]), np.array([3, 2, 1]), 4)
    assert all(math.isfinite(loss) for loss in found)


@given(st.integers(1, 10**6))
def test_pictures_are_taken_at_both_ends_and_ever_more_rarely(total):
    steps = snapshot_steps(total)
    assert (steps[0], steps[-1]) == (0, total)
    assert steps == sorted(set(steps))
    assert len(steps) < 50


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_cover_the_range_with_few_numbers(low, span):
    ticks = nice_ticks(low, low + span)
    tolerance = 1e-6 * (abs(low) + span + 1)
    assert ticks[0] <= low + tolerance
    assert ticks[-1] >= low + span - tolerance
    assert 2 <= len(ticks) <= 10


def test_the_curve_shows_losses_baselines_and_units():
    records = [
        {"kind": "step", "step": step, "loss": 4 - step / 100} for step in range(1, 200)
    ]
    records += [{"kind": "evaluation", "step": 100, "loss": 3.0}]
    records += [{"kind": "evaluation", "step": 199, "loss": 2.125}]
    records += [{"kind": "step", "step": 200, "loss": None}]  # diverged
    svg = loss_curve_svg(records, {"bigram": 2.48}, "a < b & c")
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"a < b & c", "bigram 2.48", "2.125", "loss (nats per token)"} <= set(texts)
    dots = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(dots) == 2


def test_a_run_without_a_single_step_still_has_a_picture():
    ET.fromstring(loss_curve_svg([], {}, "nothing yet"))
