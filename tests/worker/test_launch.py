"""Training as a process: started, killed, orphaned, stopped, resumed."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from engines.small_runs import tiny
from patience import until

from minigpt.errors import RunError
from minigpt.runs.store import Run
from minigpt.worker import launch, processes
from minigpt.worker.environment import BRIEF, UNTIL_BUSY, WAITING
from minigpt.worker.worker import train_run

DEADLINE = 30


def endless(text_file):
    return tiny(text_file, max_steps=19_999, eval_interval=100)


def steps_of(run):
    return [r["step"] for r in run.metrics().records if r["kind"] == "step"]


def losses_of(run):
    return [r["loss"] for r in run.metrics().records if r["kind"] == "step"]


def test_a_killed_process_resumes_and_gives_the_same_losses_bit_for_bit(
    store, text_file
):
    whole = store.create(tiny(text_file), "whole")
    train_run(whole)
    run = launch.start(store, tiny(text_file), "killed")
    until(lambda: len(steps_of(run)) >= 25)
    os.kill(run.status().pid, signal.SIGKILL)
    assert processes.wait(run, DEADLINE) == -signal.SIGKILL
    status = run.status()
    if status.state != "finished":  # a very fast machine may have been done
        assert status.state == "interrupted"
        launch.resume(run)
        assert processes.wait(run, DEADLINE) == 0
    assert run.status().state == "finished"
    assert steps_of(run) == list(range(1, 61))
    assert losses_of(run) == losses_of(whole)


def test_stop_saves_and_ends_the_process(store, text_file, monkeypatch):
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_DISPLAY_ENV", "VERBOSE")  # libgomp says what it found
    run = launch.start(store, endless(text_file), "stopped")
    until(lambda: steps_of(run))
    assert run.status().state == "running"
    run.request_stop()
    assert run.status().state in ("stopping", "stopped")
    assert processes.wait(run, DEADLINE) == 0
    status = run.status()
    assert status.state == "stopped"
    assert run.checkpoints()[-1].step == status.step > 0
    with pytest.raises(RunError, match="nothing to stop"):
        run.request_stop()
    if sys.platform == "linux":
        assert f"GOMP_SPINCOUNT = '{UNTIL_BUSY}'" in run.read_log()


@pytest.mark.parametrize(
    ("set_by_user", "added"),
    [
        ({}, {"GOMP_SPINCOUNT": str(BRIEF), "KMP_BLOCKTIME": "0"}),
        ({"GOMP_SPINCOUNT": "7"}, {}),
        ({"KMP_BLOCKTIME": "200"}, {}),
        ({"OMP_WAIT_POLICY": "active"}, {}),
    ],
)
def test_how_threads_wait_is_set_unless_the_user_has(monkeypatch, set_by_user, added):
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    environment = processes.child_environment()
    assert {n: environment[n] for n in WAITING if n in environment} == (
        set_by_user | added
    )


def test_of_many_starts_at_once_one_wins_and_the_others_are_told(store, text_file):
    run = store.create(endless(text_file), "popular")
    outcomes = []

    def resume():
        try:
            launch.resume(run)
            outcomes.append("started")
        except RunError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=resume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("started") == 1
    assert sum("already being trained" in text for text in outcomes) == 3
    assert run.status().state in ("queued", "running")
    run.request_stop()
    assert processes.wait(run, DEADLINE) is not None  # 130, if it was still preparing


def test_when_the_starter_is_killed_the_training_saves_and_stops(store, text_file):
    code = (
        "import sys, pathlib\n"
        "from minigpt.config import RunConfig\n"
        "from minigpt.worker import launch\n"
        "from minigpt.runs.store import RunStore\n"
        "import json\n"
        "config = RunConfig(**json.loads(sys.argv[2]))\n"
        "launch.start(RunStore(pathlib.Path(sys.argv[1])), config, 'orphan')\n"
        "print('started', flush=True)\n"
        "sys.stdin.read()\n"
    )
    config = endless(text_file).model_dump_json()
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root), config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert starter.stdout.readline() == b"started\n"
    run = store.open("orphan")
    until(lambda: steps_of(run))
    starter.kill()
    starter.wait()
    until(lambda: not run.status().is_alive)
    assert run.status().state == "stopped"
    assert run.latest is not None


def test_a_process_that_fails_says_why_in_the_status(store, tmp_path):
    run = launch.start(store, tiny(tmp_path / "missing.txt"), "failing")
    assert processes.wait(run, DEADLINE) == 2
    status = run.status()
    assert status.state == "failed"
    assert "missing.txt" in status.error
    assert "\n" not in status.error


def test_a_finished_run_is_not_resumed_and_it_loaded_no_compiler(
    store, text_file, monkeypatch
):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    run = launch.start(store, tiny(text_file, max_steps=2), "done")
    assert processes.wait(run, DEADLINE) == 0
    with pytest.raises(RunError, match="has finished"):
        launch.resume(Run(run.path))
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    loaded = set(re.findall(r"\| +([\w.]+)$", log, re.MULTILINE))
    assert "torch.optim" in loaded
    assert not loaded & {"torch._dynamo", "sympy"}  # they take as long as torch itself
