"""A race: two ordinary runs that know of each other, and who is ahead."""

import numpy as np
import pytest

from minigpt.config import get_recipe
from minigpt.errors import RunError
from minigpt.runs import RunStore
from minigpt.runs.race_results import current_result, final_result, lane
from minigpt.worker import processes
from minigpt.worker.racing import find_race, racing_config, start_race

SMALL = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}


def small(recipe, steps=4):
    like = get_recipe("default")
    like = like.replace(data=like.data.replace(tales_megabytes=0.02).to_dict())
    config = get_recipe(recipe)
    config = config.replace(
        transformer=config.transformer.replace(**SMALL).to_dict(),
        train=config.train.replace(batch_size=2).to_dict(),
    )
    return racing_config(config, like, steps)


def journal(speed, tokens, losses, looks=()):
    steps = [
        {
            "kind": "step", "step": n, "loss": loss, "elapsed_seconds": n / speed,
            "tokens_seen": n * tokens,
        }
        for n, loss in enumerate(losses, start=1)
    ]  # fmt: skip
    return steps + [
        {"kind": "evaluation", "step": 1, "loss": loss, "elapsed_seconds": at}
        for at, loss in looks
    ]


def test_both_read_the_same_with_one_thread_each_and_keep_their_recipes():
    one, other = small("default"), small("gpt2", 8)
    assert (one.data, one.tokenizer) == (other.data, other.tokenizer)
    assert (one.train.num_threads, other.train.num_threads) == (1, 1)
    assert (one.train.max_steps, other.train.max_steps) == (4, 8)
    assert (one.train.optimizer, other.train.optimizer) == ("muon", "adamw")


def test_two_texts_make_no_race(tmp_path):
    other = small("gpt2")
    other = other.replace(data=other.data.replace(tales_megabytes=0.03).to_dict())
    with pytest.raises(RunError, match="same text"):
        start_race(RunStore(tmp_path), small("default"), other)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_race_is_found_again_from_either_run_and_both_come_to_an_end(tmp_path):
    store = RunStore(tmp_path / "runs")
    race = start_race(store, small("default"), small("default", 8))
    for run in race:
        assert processes.wait(run, 300) == 0
        assert run.status().state == "finished"
        found = find_race(RunStore(tmp_path / "runs"), store.open(run.id))
        assert [each.id for each in found] == [each.id for each in race]
    lanes = [lane(run.metrics().records, finished=True) for run in race]
    assert [len(each.seconds) for each in lanes] == [4, 8]
    assert final_result(*lanes) is not None
    store.delete(race.first.id)
    assert find_race(store, race.second) is None


def test_an_ordinary_run_races_nobody(tmp_path):
    store = RunStore(tmp_path)
    assert find_race(store, store.create(small("default"), "alone")) is None


def test_the_lead_is_taken_at_the_last_second_that_both_have_trained():
    slow = lane(journal(1, 10, [4.0, 3.0]), finished=False)
    fast = lane(journal(2, 10, [4.0, 3.5, 3.2, 1.0]), finished=False)
    longer = lane(journal(2, 10, [4.0, 3.5, 3.2, 1.0, 0.5, 0.4]), finished=False)
    now = current_result(slow, longer)
    assert (now.place, now.leader) == (2.0, 1)
    assert now.losses == (3.0, 1.0)
    assert current_result(slow, fast, by="tokens").losses == (3.0, 3.5)
    assert current_result(slow, fast, by="tokens").leader == 0


def test_less_than_chance_apart_is_a_tie():
    one = lane(journal(1, 1, [3.0]), finished=False)
    other = lane(journal(1, 1, [3.01]), finished=False)
    assert current_result(one, other).leader is None
    assert current_result(one, lane([], finished=False)) is None


def test_losses_are_smoothed_over_a_tenth_of_the_way():
    losses = np.arange(100, dtype=float)
    smoothed = lane(journal(1, 1, losses), finished=False)
    over = smoothed.seconds
    expected = [losses[(over > 0.9 * at) & (over <= at)].mean() for at in over]
    np.testing.assert_allclose(smoothed.smooth(over), expected)


def test_when_a_loss_was_reached_lies_between_two_looks():
    looks = [(1.0, 4.0), (3.0, 2.0), (5.0, 1.0)]
    found = lane(journal(1, 1, [4.0], looks), finished=True)
    assert found.seconds_to(3.0) == 2.0
    assert found.seconds_to(1.5) == 4.0
    assert found.seconds_to(5.0) == 1.0
    assert found.seconds_to(0.5) is None
    assert found.final_loss == 1.0
    assert lane(journal(1, 1, [4.0], looks), finished=False).final_loss is None


def test_a_look_that_gave_no_number_reaches_no_loss():
    records = journal(1.0, 10, [3.0, 2.0], [(1.0, None), (2.0, 2.0), (3.0, None)])
    own = lane(records, finished=True)
    assert (own.seconds_to(2.0), own.looks) == (2.0, [(2.0, 2.0)])
    assert own.final_loss is None
