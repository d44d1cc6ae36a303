"""A step's time by part: with a clock whose time is known, nothing is lost."""

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.training.distributed import Team
from minigpt.training.step import StepSetup, take_step
from minigpt.training.timing import PARTS, StepClock
from minigpt.training.trainer import Trainer


class Ticks:
    """A clock that goes on by one second each time somebody looks at it."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return float(self.looks)


def test_each_part_gets_the_time_since_the_part_before():
    times = iter([10.0, 11.0, 13.0, 16.0, 16.5])
    clock = StepClock(now=lambda: next(times))
    clock.end("data")
    clock.end("forward")
    clock.end("data")
    seconds, parts, _ = clock.finish_step()
    assert seconds == 6.5
    expected = {"data": 4.0, "forward": 2.0, "backward": 0.0}
    assert parts == expected | {"optimizer": 0.0, "other": 0.5}


def test_what_is_paused_belongs_to_no_step():
    times = iter([0.0, 1.0, 100.0, 102.0, 105.0])
    clock = StepClock(now=lambda: next(times))
    with clock.paused():
        pass
    clock.end("forward")
    seconds, parts, _ = clock.finish_step()
    assert (seconds, parts["other"], parts["forward"]) == (6.0, 4.0, 2.0)


def test_the_cpu_time_of_what_is_paused_belongs_to_no_step_either():
    cpu = iter([5.0, 7.0, 50.0, 50.5, 52.5])
    clock = StepClock(cpu=lambda: next(cpu))
    with clock.paused():
        pass
    assert clock.finish_step().cpu == 2.5
    assert clock.finish_step().cpu == 2.0


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_step_presses_the_clock_once_for_each_part_of_each_piece(new_model, pieces):
    model = new_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    alone = Team(rank=0, size=1, device=torch.device("cpu"))
    tokens = torch.randint(30, (6, 12))
    clock = StepClock(now=Ticks())
    config = TrainConfig(accumulation_steps=pieces)
    setup = StepSetup(config, alone, clock=clock)
    take_step(model, optimizer, (tokens, tokens), 0, setup)
    seconds, parts, _ = clock.finish_step()
    assert (parts["forward"], parts["backward"]) == (pieces, pieces)
    assert (parts["optimizer"], parts["data"]) == (1, 0)
    assert seconds == sum(parts.values())


def test_a_trainings_records_tell_every_part_and_sum_to_the_step(
    new_model, pairs, tmp_path, watcher
):
    from torch.utils.data import DataLoader

    seen = watcher()
    loader = DataLoader(pairs, batch_size=4)
    config = TrainConfig(eval_interval=3)
    Trainer(
        new_model(), loader, loader, output_dir=tmp_path, config=config,
        callbacks=[seen],
    ).train(max_steps=8)  # fmt: skip
    for record in seen.steps:
        assert tuple(record.parts) == PARTS
        assert all(seconds > 0 for seconds in record.parts.values())
        assert record.seconds == pytest.approx(sum(record.parts.values()))
        assert 0 < record.cpu_seconds < record.seconds + 0.02
    tokens = sum(48 for _ in seen.steps)
    seconds = sum(record.seconds for record in seen.steps)
    assert seen.steps[-1].tokens_per_second == pytest.approx(tokens / seconds)
