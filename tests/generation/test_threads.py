"""A token has one thread or all, the quicker; afterwards all have their own again."""

from itertools import pairwise

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from minigpt.generation import fast_threads
from minigpt.generation.fast_matrices import FITS_CACHE
from minigpt.generation.fast_threads import LONGEST_REST, Choice, Threads
from minigpt.generation.window import Window
from minigpt.model import TransformerLM

# Seconds of a step with one thread and with all, as measured on two cores.
FREE = {True: 0.038, False: 0.029}
BUSY = {True: 0.040, False: 0.800}
BOTH_SLOW = {True: 0.200, False: 0.260}


def lived(machine, seconds, choice=None):
    """Take steps for some seconds; return who chose, and the number of each step."""
    choice, ones, passed = choice or Choice(), [], 0.0
    while passed < seconds:
        ones.append(choice.one)
        passed += machine[choice.one]
        choice.count_step(machine[choice.one])
    return choice, ones


@pytest.mark.parametrize("machine", [FREE, BUSY, BOTH_SLOW], ids=str)
def test_the_quicker_number_is_found_in_a_few_steps(machine):
    _, ones = lived(machine, 10)
    assert ones[0]
    best = machine[True] < machine[False]
    assert set(ones[12:]) == {best}


def test_a_far_slower_number_is_tried_for_one_step_and_ever_more_rarely():
    _, ones = lived(BUSY, 6 * LONGEST_REST)
    tries = [place for place, one in enumerate(ones) if not one]
    pauses = [after - before for before, after in pairwise(tries)]
    assert 6 <= len(tries) <= 12
    assert pauses == sorted(pauses)
    assert pauses[0] > 100


def test_what_is_hardly_better_is_not_taken():
    _, ones = lived({True: 0.030, False: 0.028}, 9)
    assert ones.count(False) <= 8
    assert ones[-1]


def test_a_machine_that_is_busy_or_free_again_is_noticed():
    choice, _ = lived(FREE, 300)
    choice, ones = lived(BUSY, 10, choice)
    assert not ones[0]
    assert ones.count(False) == 1
    choice, ones = lived(FREE, 300, choice)
    assert set(ones[-100:]) == {False}
    _, ones = lived(BOTH_SLOW, 10, choice)
    assert ones.count(False) <= 8


def numbers():
    """Return how many threads NumPy and torch have here, in this order."""
    kinds = {each["user_api"]: each["num_threads"] for each in threadpool_info()}
    return kinds["blas"], kinds["openmp"]


@pytest.fixture
def two_threads():
    if not fast_threads._NUMPY:
        pytest.skip("NumPy's threads cannot be limited here")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2):
        yield
    torch.set_num_threads(before)


def threads(one, in_torch=False):
    made = Threads(in_torch)
    made._choice.one = one
    return made


@pytest.mark.parametrize(
    ("one", "in_torch", "expected"),
    [
        (True, False, (1, 1)),
        (False, False, (2, 1)),
        (True, True, (1, 1)),
        (False, True, (1, 2)),
    ],
)
def test_who_multiplies_has_the_number_that_was_chosen(
    one, in_torch, expected, two_threads
):
    with threads(one, in_torch).limited():
        assert numbers() == expected
    assert numbers() == (2, 2)


def test_of_two_texts_none_has_all_of_numpys_threads_and_both_give_them_back(
    two_threads,
):
    first, second = threads(False).limited(), threads(False).limited()
    with first:
        with second:
            assert numbers()[0] == 1
        assert numbers()[0] == 1
    assert numbers()[0] == 2
    with pytest.raises(KeyError), threads(True).limited():
        raise KeyError
    assert numbers() == (2, 2)


def test_only_the_steps_of_a_text_that_was_alone_are_learned_from(two_threads):
    alone, other = threads(True), threads(True)
    counted = []
    alone._choice.count_step = counted.append
    with alone.timed():
        pass
    with alone.limited():
        with other.limited():
            pass
        with alone.timed():
            pass
    assert counted == []
    with alone.limited(), alone.timed():
        pass
    assert len(counted) == 1


@pytest.mark.parametrize(("num_texts", "d_model"), [(1, 16), (1, 512), (2, 512)])
def test_a_text_is_written_with_the_number_that_was_chosen(
    num_texts, d_model, two_threads
):
    torch.manual_seed(0)
    model = TransformerLM(vocab_size=65, d_model=d_model, num_layers=1, num_heads=2)
    window = Window(model.eval(), num_texts, 8)
    with torch.inference_mode():
        for length in (1, 2):
            window.next_logits(torch.zeros(num_texts, length, dtype=torch.int64))
    window._decoder._threads._choice.one = False
    in_torch = num_texts > 1
    assert not in_torch or 4 * d_model**2 > FITS_CACHE
    with window.threads():
        assert numbers() == ((1, 2) if in_torch else (2, 1))
