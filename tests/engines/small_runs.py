"""Runs of seconds, and what the tests of engines ask of them."""

import os
import signal

import pytest
from patience import until

from minigpt.cli import main
from minigpt.config import RunConfig
from minigpt.engines.submitting import settle, submit
from minigpt.errors import RunError
from minigpt.runs.job import read_job
from minigpt.runs.lock import is_locked
from minigpt.storage.place import keep_in
from minigpt.worker import launch
from minigpt.worker.worker import train_run

DEADLINE = 120


def tiny(text_file, **train) -> RunConfig:
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}
    settings = {"max_steps": 60, "batch_size": 4, "eval_interval": 20, "num_threads": 1}
    return RunConfig(
        data={"source": str(text_file)},
        transformer=sizes | {"dropout": 0.1},
        train=settings | train,
    )


def endless(text_file) -> RunConfig:
    return tiny(text_file, max_steps=19_999, eval_interval=50)


def state_of(run) -> str:
    settle([run])
    return run.status().state


def becomes(run, *states: str) -> None:
    until(lambda: state_of(run) in states, DEADLINE)


def losses_of(run) -> list[tuple[str, int, float]]:
    return [(r["kind"], r["step"], r["loss"]) for r in run.metrics().records]


def has_saved(run) -> bool:
    return any(saved.step > 0 for saved in run.checkpoints())


def check_losses_are_those_of_one_process(site, title, store, text_file, capfd):
    """Train the same run here and there, watched by the command line."""
    here = store.create(tiny(text_file), "here")
    train_run(here)
    there = store.create(tiny(text_file), "there")
    submit(there, site)
    assert main(["train", "--watch", str(there.path)]) == 0
    assert there.status().state == "finished"
    assert losses_of(there) == losses_of(here)
    out, err = capfd.readouterr()
    assert f"waits in {title}" in err
    assert "step 60: validation loss" in out
    assert read_job(there.path).ended
    assert "Saved checkpoint_step_60" in there.read_log()
    with pytest.raises(RunError, match="has finished"):
        submit(there, site)


def check_a_killed_process_is_resumed(site, store, text_file):
    """Kill a run's process, resume it as the page does, and compare the losses."""
    config = tiny(text_file, max_steps=400, eval_interval=50)
    whole, run = store.create(config, "whole"), store.create(config, "killed")
    train_run(whole)
    first = submit(run, site)
    until(lambda: has_saved(run), DEADLINE)
    os.kill(run.status().pid, signal.SIGKILL)
    becomes(run, "interrupted", "finished")
    assert f"The job {first.id} ended without a word" in run.status().error
    launch.resume(run)
    assert read_job(run.path).site == site
    assert read_job(run.path).id != first.id
    becomes(run, "finished")
    assert losses_of(run) == losses_of(whole)


def check_no_common_folder_is_needed(site, store, text_file, tmp_path):
    """Train a run that is kept in a bucket, stop it there, and resume it."""
    config = tiny(text_file, max_steps=9000, eval_interval=50)
    there = store.create(config, "there")
    (tmp_path / "bucket").mkdir()
    keep_in(there.path, f"file://{tmp_path}/bucket")
    submit(there, site)
    until(lambda: settle([there]) or has_saved(there), DEADLINE)
    assert not is_locked(there.path)
    there.request_stop()
    becomes(there, "stopped")
    step = there.status().step
    train = there.config.train.replace(max_steps=step + 20).to_dict()
    there.write_config(there.config.replace(train=train))
    launch.resume(there)
    becomes(there, "finished")
    steps = [step for kind, step, _ in losses_of(there) if kind == "step"]
    assert steps == list(range(1, step + 21))
    assert there.best.is_dir()
