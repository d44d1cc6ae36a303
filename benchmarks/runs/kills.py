"""Training that is killed at random moments: nothing may be lost.

    python benchmarks/runs/kills.py                 # 50 moments
    python benchmarks/runs/kills.py --moments 10 --seed 3

Small runs are trained by `train_run`, as `minigpt train` does it, in processes that
SIGKILL ends at random moments, and are resumed until they have finished. Checked after
each kill: nobody holds the run's lock or lives on, the status says so, the checkpoint
to go on from is whole and not older than the one after the kill before, and the journal
has each step once. Checked of each run that has finished: losses and weights are those
of a run that was never killed, bit for bit. It fails otherwise.

The processes are forks, so that the moments fall into the training and not into the
loading of torch. It takes Linux or macOS.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from small_run import journal, small_run

from minigpt.checkpoint import load_checkpoint
from minigpt.preparation.resuming import newest_resumable
from minigpt.runs.checkpoints import checkpoint_step
from minigpt.runs.lock import is_locked
from minigpt.runs.store import Run, RunStore
from minigpt.worker.worker import train_run

STEPS = 200


def main() -> int:
    """Kill, resume, compare, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        store = RunStore(Path(folder) / "runs")
        config = small_run(Path(folder), max_steps=STEPS, eval_interval=10)
        whole = store.create(config, "whole")
        begin = time.monotonic()
        wait(started(lambda: train_run(whole)))
        seconds = time.monotonic() - begin
        print(f"a run that is not killed: {STEPS} steps, {seconds:.1f} s")
        rolls = random.Random(options.seed)
        return kill_often(store, whole, options.moments, seconds, rolls)


def kill_often(
    store: RunStore, whole: Run, moments: int, seconds: float, rolls: random.Random
) -> int:
    """Kill at many moments; return the exit code."""
    during: Counter[str] = Counter()
    problems: list[str] = []
    kills = finished = again = 0
    while kills < moments or finished == 0:
        run = store.create(whole.config, f"run-{finished}")
        safe = 0
        while run.status().state != "finished":
            pid = started(lambda run=run: train_run(run, resume=True))
            limit = seconds * rolls.random() * 0.6 if kills < moments else 600.0
            if wait(pid, limit):
                continue
            during[run.status().activity.partition(":")[0] or "starting"] += 1
            os.kill(pid, signal.SIGKILL)
            wait(pid)
            kills += 1
            reached = run.status().step
            found, said = after_a_kill(run, safe)
            again += max(0, reached - found)
            safe = found
            problems += [f"kill {kills} at step {reached}: {each}" for each in said]
        finished += 1
        problems += [f"{run.id}: {each}" for each in differences(run, whole)]
    for name, count in during.most_common():
        print(f"  killed while {name:<28} {count:>3}")
    print(f"{kills} kills, {finished} runs finished, {again} steps were taken again")
    print("\n".join(problems) or "nothing lost, no orphan, all bit-identical")
    return 1 if problems else 0


def after_a_kill(run: Run, safe: int) -> tuple[int, list[str]]:
    """Return the step to go on from, and what is wrong with the run.

    Args:
        run: The run.
        safe: The step that it could go on from after the kill before.
    """
    wrong = []
    if is_locked(run.path):
        wrong.append("somebody holds its lock")
    status = run.status()
    if status.is_alive and status.pid is not None:  # without one, it had not begun
        wrong.append(f"its status is {status.state}")
    checkpoint = newest_resumable(run)
    step = 0 if checkpoint is None else checkpoint_step(checkpoint) or 0
    if step < safe:
        wrong.append(f"step {safe} was saved, and {step} is the newest now")
    steps = [step for kind, step, _ in journal(run) if kind == "step"]
    if steps != list(range(1, len(steps) + 1)):
        wrong.append("its journal has a step twice or not at all")
    return step, wrong


def differences(run: Run, whole: Run) -> list[str]:
    """Say in what a run differs from one that was never killed."""
    wrong = []
    if journal(run) != journal(whole):
        wrong.append("other losses")
    own, other = (load_checkpoint(each.latest).model for each in (run, whole))
    theirs = other.state_dict()
    if not all(torch.equal(value, theirs[k]) for k, value in own.state_dict().items()):
        wrong.append("other weights")
    # A half of a small file stays for an hour, in case that somebody writes it.
    wrong += [f"left behind: {path}" for path in run.path.rglob("*/*.tmp-*")]
    return wrong


def started(work: Callable[[], object]) -> int:
    """Let a fork of this process do some work; return its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with Path(os.devnull).open("w") as nobody, redirect_stdout(nobody):
                work()
            code = 0
        finally:
            os._exit(code)
    return pid


def wait(pid: int, seconds: float = 600.0) -> bool:
    """Return whether a process ends by itself within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.002)
    return False


if __name__ == "__main__":
    sys.exit(main())
