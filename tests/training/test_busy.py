"""How a training adapts: decisions from given seconds and CPU seconds of steps."""

from itertools import pairwise

import pytest

from minigpt.training.busy import BUSY, Adaptation, Way, busy_sentence, ways
from minigpt.training.progress import Pace
from minigpt.training.timing import StepSeconds

AWAKE, ASLEEP, ONE = Way(2), Way(2, asleep=True), Way(1)
TWO_CORES = [AWAKE, ASLEEP, ONE]
assert ways(2, may_sleep=True, may_be_fewer=True) == TWO_CORES

# Seconds and CPU seconds of a step in each way, as measured on two cores.
FREE = {AWAKE: (0.031, 0.030), ASLEEP: (0.048, 0.032), ONE: (0.046, 0.045)}
BESIDE_TWO = {AWAKE: (0.400, 0.110), ASLEEP: (0.076, 0.040), ONE: (0.093, 0.046)}
BESIDE_ONE = {AWAKE: (0.150, 0.080), ASLEEP: (0.075, 0.040), ONE: (0.050, 0.046)}
SLOW_STEPS = {AWAKE: (9.0, 4.0), ASLEEP: (5.0, 4.0), ONE: (8.0, 7.5)}


def lived(machine, possible=TWO_CORES, steps=100, adaptation=None):
    """Let steps take what they take; return who decided, and the way of each step."""
    adaptation = adaptation or Adaptation(possible)
    taken = []
    for _ in range(steps):
        taken.append(adaptation.way)
        adaptation.count_step(*machine[adaptation.way])
    return adaptation, taken


@pytest.mark.parametrize(
    ("machine", "best", "by_step"),
    [
        (FREE, AWAKE, 0),
        (BESIDE_TWO, ASLEEP, 14),
        (BESIDE_ONE, ONE, 14),
        (SLOW_STEPS, ASLEEP, 4),
    ],
)
def test_the_quickest_way_is_found_in_a_few_steps(machine, best, by_step):
    _, taken = lived(machine)
    assert taken[by_step:50] == [best] * (50 - by_step)


def test_a_free_machine_is_left_alone():
    _, taken = lived(FREE, steps=2000)
    assert set(taken) == {AWAKE}


def test_the_first_step_which_sets_things_up_says_nothing():
    adaptation = Adaptation(TWO_CORES)
    adaptation.count_step(60.0, 0.1)
    _, taken = lived(FREE, adaptation=adaptation)
    assert set(taken) == {AWAKE}


def test_what_does_not_help_is_taken_back():
    _, taken = lived(dict.fromkeys(TWO_CORES, (0.1, 0.05)))
    assert taken.count(ASLEEP) == 4
    assert taken[-1] == AWAKE
    assert ONE not in taken


def test_when_the_machine_is_free_again_the_greedy_way_comes_back():
    adaptation, taken = lived(BESIDE_TWO, steps=60)
    assert taken[-1] == ASLEEP
    _, taken = lived(FREE, adaptation=adaptation, steps=400)
    assert taken[-100:] == [AWAKE] * 100


def test_other_ways_are_tried_ever_more_rarely():
    _, taken = lived(BESIDE_TWO, steps=9_000)
    tries = [i for i, way in enumerate(taken) if way == AWAKE and taken[i - 1] != AWAKE]
    pauses = [after - before for before, after in pairwise(tries)]
    assert len(pauses) >= 5
    assert pauses == sorted(pauses)
    assert sum(way != ASLEEP for way in taken[100:]) < 200


def test_fewer_threads_are_tried_only_while_it_helps():
    four = ways(4, may_sleep=True, may_be_fewer=True)
    seconds = dict(zip(four, (0.9, 0.3, 0.2, 0.4), strict=True))
    _, taken = lived({way: (s, 0.1) for way, s in seconds.items()}, four, 40)
    assert taken[-1] == Way(2, asleep=True)
    seconds[Way(2, asleep=True)] = 0.29  # no clear gain: sums stay as they are
    _, taken = lived({way: (s, 0.1) for way, s in seconds.items()}, four, 40)
    assert taken[-1] == Way(4, asleep=True)
    assert Way(1) not in taken


def test_with_nothing_to_change_nothing_changes():
    alone = ways(1, may_sleep=False, may_be_fewer=False)
    _, taken = lived({Way(1): (0.5, 0.1)}, alone)
    assert set(taken) == {Way(1)}


@pytest.mark.parametrize(
    ("slower", "said"),
    [
        (None, ""),
        (1.0, ""),
        (BUSY - 0.01, ""),
        (BUSY, "This machine is busy: about 1.5 × slower."),
        (1.96, "This machine is busy: about 2 × slower."),
        (5.4, "This machine is busy: about 5 × slower."),
    ],
)
def test_the_sentence(slower, said):
    assert busy_sentence(slower) == said


def test_the_pace_is_that_of_the_last_seconds():
    pace = Pace()
    for _ in range(30):
        pace.count_step(100, StepSeconds(1.0, {"data": 0.4}, 0.2))
    assert pace.slower == pytest.approx(
        3.0
    )  # of 0.6 s that it was not waiting for data
    assert pace.eta_seconds(10) == pytest.approx(10.0)
    for _ in range(20):
        pace.count_step(100, StepSeconds(0.5, {}, 0.5))
    assert pace.slower == 1.0
    assert pace.eta_seconds(10) == pytest.approx(5.0)
    assert pace.tokens_per_second == pytest.approx(200.0)


def test_the_pace_keeps_a_few_steps_however_long_they_are():
    pace = Pace()
    for seconds in (60.0, 50.0, 40.0, 30.0, 20.0):
        pace.count_step(1, StepSeconds(seconds, {}, 10.0))
    assert pace.eta_seconds(1) == pytest.approx(35.0)
    assert pace.slower == pytest.approx(3.5)


def test_the_first_steps_say_nothing_of_others():
    pace = Pace()
    for _ in range(3):
        pace.count_step(1, StepSeconds(9.0, {}, 0.1))
        assert pace.slower is None
