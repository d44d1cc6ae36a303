"""A run goes on from a step that was chosen: each step is there once, none is ahead."""

import pytest

from minigpt.cli import main
from minigpt.config import RunConfig
from minigpt.errors import CheckpointError, RunError
from minigpt.preparation.resuming import require_resumable, resumable
from minigpt.runs.checkpoints import FromStep
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.worker import train_run

SIZES = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 16}
TRAIN = {"max_steps": 12, "batch_size": 4, "eval_interval": 4, "num_threads": 1}


def tiny(text_file):
    data = {"source": str(text_file)}
    return RunConfig(data=data, transformer=SIZES | {"dropout": 0.1}, train=TRAIN)


def losses(run):
    records = [r for r in run.metrics().records if r["kind"] == "step"]
    assert [r["step"] for r in records] == list(range(1, len(records) + 1))
    return [r["loss"] for r in records]


class StopAfter(TrainerCallback):
    def __init__(self, run, step):
        self.run, self.step = run, step

    def on_step(self, record):
        if record.step == self.step:
            self.run.request_stop()


@pytest.fixture
def stopped(store, text_file):
    """Return a run that was stopped after step 10, with checkpoints to go on from."""
    run = store.create(tiny(text_file), "back")
    train_run(run, callbacks=[StopAfter(run, 10)])
    assert [saved.step for saved in resumable(run)] == [8, 10]
    return run


def test_a_run_that_went_back_is_as_if_it_never_had_been_further(
    stopped, store, text_file
):
    whole = store.create(tiny(text_file), "whole")
    train_run(whole)
    best = min(r["loss"] for r in whole.metrics().records if r["kind"] == "evaluation")
    train_run(stopped, resume=FromStep(8), callbacks=[StopAfter(stopped, 9)])
    assert [step for step, _ in stopped.checkpoints()] == [4, 8, 9]
    assert len(losses(stopped)) == 9
    assert stopped.status().note is None
    train_run(stopped, resume=True)
    assert losses(stopped) == losses(whole)
    looks = [r["step"] for r in stopped.metrics().records if r["kind"] == "evaluation"]
    assert looks == sorted(set(looks))
    assert stopped.status().best_loss == best
    assert stopped.snapshots().steps == sorted(set(stopped.snapshots().steps))


class Losses(TrainerCallback):
    def __init__(self, run):
        self.run, self.seen = run, None

    def on_step(self, record):
        if self.seen is None:
            self.seen = self.run.status()


def test_its_losses_are_those_of_the_step_that_it_went_back_to(stopped):
    at_8 = [
        r["loss"]
        for r in stopped.metrics().records
        if r["kind"] == "evaluation" and r["step"] <= 8
    ]
    seen = Losses(stopped)
    train_run(stopped, resume=FromStep(8), callbacks=[seen])
    assert seen.seen.validation_loss == at_8[-1]
    assert seen.seen.best_loss == min(at_8)


def damage(saved):
    weights = saved.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])


def test_a_damaged_choice_falls_back_and_says_so(store, text_file):
    run = store.create(tiny(text_file), "back")
    train_run(run, callbacks=[StopAfter(run, 10)])
    first, newest = resumable(run)
    damage(newest)
    train_run(run, resume=FromStep(10), callbacks=[StopAfter(run, 9)])
    assert "step 10 is damaged: the run went on from the one before, of step 8" in (
        run.status().note
    )
    damage(first)
    with pytest.raises(CheckpointError):
        train_run(run, resume=FromStep(8))
    assert resumable(run)[-1].step == 9  # nothing was deleted for it


def test_a_step_that_is_not_there_is_refused_with_those_that_are(stopped, capsys):
    with pytest.raises(RunError, match=r"no checkpoint of step 9 .* one of 8, 10"):
        require_resumable(stopped, 9)
    again = ["train", "--resume", str(stopped.path), "--from_step"]
    assert main([*again, "5"]) == 2
    assert "choose one of 8, 10" in capsys.readouterr().err
    assert main(["train", "--from_step", "5"]) == 2
    assert "add --resume" in capsys.readouterr().err
