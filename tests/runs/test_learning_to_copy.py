"""When a run learned to copy, on a journal whose answer is known."""

import numpy as np
import pytest

from minigpt.config import get_recipe
from minigpt.errors import RunError
from minigpt.runs.learning_to_copy import (
    film_of_strongest,
    keep_guess,
    kept_guess,
    read_copying,
)


def journal(second, induction, first=None):
    count = len(second)
    first = first or [4.0] * count
    return [
        {
            "kind": "repetition",
            "step": 10 * place,
            "first_loss": first[place],
            "second_loss": second[place],
            "induction": induction[place],
            "previous_token": 0.5,
        }
        for place in range(count)
    ]


LEARNED = journal(
    second=[4.0, 3.9, 2.2, 1.8, 0.5, 0.0],
    induction=[0.0, 0.1, 0.55, 0.8, 0.9, 1.0],
    first=[4.0, 4.0, 4.1, 4.9, 4.4, 4.2],
)


def test_the_loss_and_the_score_are_half_way_where_they_are():
    curve = read_copying([{"kind": "step", "step": 3, "loss": 1.0}, *LEARNED])
    assert curve.loss_step == 30
    assert curve.score_step == 20
    assert curve.change == (10, 40)
    assert curve.first_loss_shift == pytest.approx(0.9)


def test_the_order_of_the_records_does_not_matter_and_the_last_word_counts():
    stale = {**LEARNED[3], "second_loss": 9.0}
    curve = read_copying([stale, *reversed(LEARNED)])
    assert curve.steps.tolist() == [0, 10, 20, 30, 40, 50]
    assert curve.second_loss[3] == 1.8


def test_a_run_that_did_not_learn_to_copy_has_no_such_step():
    flat = read_copying(journal(second=[4.0, 3.9, 3.8], induction=[0.0, 0.05, 0.1]))
    assert (flat.loss_step, flat.score_step) == (None, None)
    begun = read_copying(LEARNED[:1])
    assert (begun.loss_step, begun.score_step) == (None, None)
    assert begun.film(4) == [0]


def test_a_journal_of_another_kind_of_run_says_nothing():
    assert read_copying([{"kind": "step", "step": 1, "loss": 2.0}]) is None


def test_the_film_goes_from_the_first_step_over_the_rise_to_the_last():
    assert read_copying(LEARNED).film(4) == [0, 20, 30, 50]


def test_the_strongest_head_is_followed_from_the_beginning(tmp_path, store):
    run = store.create(get_recipe("induction-live"), "film")
    snapshots = run.snapshots()
    snapshots.write_probe(list("abcab"), [1, 2, 3, 1, 2])
    uniform = np.tril(np.ones((5, 5)))
    uniform /= uniform.sum(-1, keepdims=True)
    copier = uniform.copy()
    copier[3:] = [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    snapshots.save(0, np.stack([[uniform, uniform]] * 2))
    snapshots.save(9, np.array([[uniform, uniform], [copier, uniform]]))
    film = film_of_strongest(run.snapshots(), [0, 9], "induction")
    assert (film.layer, film.head, film.steps) == (1, 0, [0, 9])
    assert film.scores[1] == pytest.approx(1.0)
    assert film.patterns[1][3].tolist() == [0, 255, 0, 0, 0]
    assert film.patterns[0][3].tolist() == [64, 64, 64, 64, 0]


def test_a_guess_is_kept_beside_the_run(store):
    run = store.create(get_recipe("induction-live"), "guessed")
    assert kept_guess(run) is None
    keep_guess(run, 120)
    assert kept_guess(store.open("guessed")) == 120


@pytest.mark.parametrize("step", [0, 501])
def test_a_guess_outside_the_run_is_refused(store, step):
    run = store.create(get_recipe("induction-live"), "wild")
    with pytest.raises(RunError, match="a step from 1 to 500"):
        keep_guess(run, step)


def test_a_damaged_guess_is_no_guess(store):
    run = store.create(get_recipe("induction-live"), "damaged")
    (run.path / "guess.json").write_text("{", encoding="utf-8")
    assert kept_guess(run) is None
