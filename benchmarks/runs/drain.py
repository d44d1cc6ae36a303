"""Many runs handed in at once: all must be trained, each of them once.

    python benchmarks/runs/drain.py                  # 40 runs in this machine's queue
    python benchmarks/runs/drain.py --engine slurm   # as jobs of Slurm
    python benchmarks/runs/drain.py --engine ray --address http://127.0.0.1:8265

Small runs of one description. Checked: every one finishes, none is begun twice, all
have the losses of the run that was trained alone before, bit for bit, and nobody holds
a run's lock in the end. It fails otherwise. The engine's machines must see the folder
`TMPDIR`.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from small_run import journal, small_run

from minigpt.engines.submitting import settle, submit
from minigpt.runs.job import Site
from minigpt.runs.lock import is_locked
from minigpt.runs.store import Run, RunStore
from minigpt.worker import launch, queue
from minigpt.worker.worker import train_run

PAUSE = 0.5
"""Seconds between two looks at the queue."""


def main() -> int:
    """Hand in, watch, compare, and print what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--engine", choices=("here", "ray", "slurm"), default="here")
    parser.add_argument("--address", help="of Ray's dashboard")
    options = parser.parse_args()
    is_here = options.engine == "here"
    site = None if is_here else Site(options.engine, options.address)
    with TemporaryDirectory() as folder:
        store = RunStore(Path(folder) / "runs")
        config = small_run(Path(folder), max_steps=60, eval_interval=20)
        alone = store.create(config, "alone")
        train_run(alone)
        runs = [store.create(config, f"run-{n}") for n in range(options.runs)]
        begin = time.monotonic()
        for run in runs:
            launch.begin([run]) if site is None else submit(run, site)
        handed_in = time.monotonic() - begin
        most = watch(store, runs)
        seconds = time.monotonic() - begin
        problems = [each for run in runs for each in wrong(run, alone)]
    if is_here and most > queue.places():
        problems.append(f"{most} were trained at once, and there is room for fewer")
    print(
        f"{len(runs)} runs: handed in after {handed_in:.0f} s, drained after "
        f"{seconds:.0f} s, {most} seen at once at the most"
    )
    print("\n".join(problems) or "each finished, each once, all bit-identical")
    return 1 if problems else 0


def watch(store: RunStore, runs: Sequence[Run]) -> int:
    """Wait until nothing waits or works; return how many were trained at once."""
    most, alive = 0, list(runs)
    while alive:
        launch.advance(store)
        settle(alive)
        states = [run.status().state for run in alive]
        most = max(most, states.count("running"))
        alive = [run for run in alive if run.status().is_alive]
        if sys.stdout.isatty():
            print(f"\r{len(alive)} left ", end="", flush=True)
        time.sleep(PAUSE)
    return most


def wrong(run: Run, alone: Run) -> list[str]:
    """Say what is not as it should be with a run that has ended."""
    status, found = run.status(), []
    if status.state != "finished":
        found.append(f"it is {status.state}: {status.error or status.activity}")
    if run.metrics().restart is not None:
        found.append("it was begun twice")
    if journal(run) != journal(alone):
        found.append("other losses")
    if is_locked(run.path):
        found.append("somebody holds its lock")
    return [f"{run.id}: {each}" for each in found]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
