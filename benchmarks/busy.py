"""Training beside others: how much longer the recipe `speedrun` takes.

    python benchmarks/busy.py                    # alone, and beside two busy processes
    python benchmarks/busy.py --others 1 --rounds 5

Each run is `minigpt train` itself, in a process of its own, from its first step; its
journal says how long its steps took. It trains in three ways:

- *as torch comes*: all cores, and threads that wait for each other awake (libgomp's own
  300,000 turns), never changed;
- *adapting*: what `minigpt train` does by itself;
- *asleep*: all cores, and threads that wait asleep from the first step on.

The ways take turns, alone and beside others, and a busy process is a loop that does
nothing else. Medians, and ratios to the quickest way alone. "Alone" is what it says on
an idle machine only: the load before the start is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from minigpt.worker.environment import WAITING

TEXT = Path("data/texts/tinyshakespeare.txt")
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
LIMIT = 3.0
"""Times that the adapting run may take beside two busy processes."""


class Way(NamedTuple):
    """How a run is started."""

    environment: dict[str, str]
    flags: list[str]


ALL_CORES = ["--num_threads", str(CORES)]
WAYS = {
    "as torch comes": Way({"GOMP_SPINCOUNT": "300000"}, ALL_CORES),
    "adapting": Way({}, []),
    "asleep": Way({"OMP_WAIT_POLICY": "PASSIVE"}, ALL_CORES),
}


class Run(NamedTuple):
    """What one run's journal says."""

    seconds: float
    threads: list[int]
    """The numbers of threads that its steps had."""


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Keep so many cores busy."""
    loop = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(loop) for _ in range(number)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def train(way: Way, text: Path, steps: int) -> Run:
    """Train once; only the steps are timed."""
    inherited = {k: v for k, v in os.environ.items() if k not in WAITING}
    inherited.pop("OMP_NUM_THREADS", None)
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        subprocess.run(
            [
                *(sys.executable, "-m", "minigpt", "train", "--recipe", "speedrun"),
                *("--data", str(text), "--output_dir", str(run), *way.flags),
                *("--max_steps", str(steps), "--eval_interval", str(steps)),
            ],
            env=inherited | way.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["kind"] == "step"]
    threads = {record["num_threads"] for record in records}
    return Run(records[-1]["elapsed_seconds"], sorted(threads))


def measure(
    text: Path, others: int, steps: int, rounds: int
) -> dict[tuple[int, str], list[Run]]:
    """Train in all ways, alone and beside others, in turns."""
    found: dict[tuple[int, str], list[Run]] = {}
    for number in range(rounds):
        names = list(WAYS) if number % 2 == 0 else list(reversed(WAYS))
        for load in (0, others):
            for name in names:
                with busy_processes(load):
                    run = train(WAYS[name], text, steps)
                found.setdefault((load, name), []).append(run)
                said = f"{load} busy, {name}: {run.seconds:.1f} s"
                print(f"  {said}, threads {run.threads}", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=TEXT)
    parser.add_argument("--others", type=int, default=2, help="busy processes")
    parser.add_argument("--steps", type=int, default=140)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if hasattr(os, "getloadavg"):
        print(f"{CORES} cores, load before the start {os.getloadavg()[0]:.1f}")
    text, others = arguments.text.absolute(), arguments.others
    found = measure(text, others, arguments.steps, arguments.rounds)
    seconds = {
        key: statistics.median(run.seconds for run in runs)
        for key, runs in found.items()
    }
    quickest = min(seconds[0, name] for name in WAYS)
    print(f"{'':<18}{'alone':<18}beside {others} busy processes")
    for name in WAYS:
        told = (f"{seconds[load, name]:.1f} s" for load in (0, others))
        times = (f"{seconds[load, name] / quickest:.2f} ×" for load in (0, others))
        cells = (f"{s:>8} {t:>8}" for s, t in zip(told, times, strict=True))
        print(f"{name:<18}{' '.join(cells)}")
    return int(seconds[others, "adapting"] > LIMIT * quickest)


if __name__ == "__main__":
    sys.exit(main())
