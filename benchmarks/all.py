"""All benchmarks, one after the other, on a machine that does nothing else.

    python3 launch.py bench                  all of them: about two hours on two cores
    python3 launch.py bench bpe generation   these
    python3 launch.py bench --list           what there is, and how long each takes

Each script's output is shown, and kept in `.cache/benchmarks/<name>.txt` under a line
that says which machine it was.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

HERE = Path(__file__).parent
ROOT = HERE.parent
KEPT = ROOT / ".cache" / "benchmarks"
TEXT = ROOT / "data" / "texts" / "tinyshakespeare.txt"

FETCH = "Get it with: python -m minigpt data fetch shakespeare"


class Benchmark(NamedTuple):
    """A script with its arguments."""

    name: str
    script: str
    arguments: tuple[str, ...]
    minutes: int
    """On two idle cores, roughly."""
    needs_text: bool = False
    """Whether it reads Tiny Shakespeare."""


BENCHMARKS = (
    Benchmark("bpe", "bpe.py", (str(TEXT),), 2, needs_text=True),
    Benchmark("generation", "generation.py", (), 12),
    Benchmark("quantization", "quantization.py", (), 3),
    Benchmark("serve", "serve.py", (), 7),
    Benchmark("hooks", "hooks_idle.py", (), 10),
    Benchmark("attention-view", "attention_view.py", (), 2),
    Benchmark("scaling", "scaling.py", (), 8),
    Benchmark("large-data", "large_data.py", (), 15),
    Benchmark("pages", "pages.py", (), 5),
    Benchmark("lesson-file", "lesson_file.py", (), 1),
    Benchmark("classroom", "classroom.py", (), 13),
    Benchmark("induction", "induction.py", (), 3),
    Benchmark("influence", "influence.py", (), 3),
    Benchmark("circuit", "circuit.py", (), 12),
    Benchmark("coherence", "tales_coherence.py", ("data/models/tales",), 2),
    Benchmark("finetuning", "finetuning.py", ("data/models/tales",), 15),
    Benchmark("training", "training.py", (), 12, needs_text=True),
    Benchmark("budgets", "training.py", ("--budgets",), 45, needs_text=True),
    Benchmark("busy", "busy.py", (), 5, needs_text=True),
    Benchmark("kills", "runs/kills.py", (), 4),
    Benchmark("drain", "runs/drain.py", (), 4),
    Benchmark("mutants", "mutants.py", (), 40),
    Benchmark("gpu", "gpu.py", (), 1, needs_text=True),
)


def machine() -> str:
    """Say what the figures were measured on."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def processor() -> str:
    """Name the processor, as the system does."""
    known = Path("/proc/cpuinfo")
    if known.is_file():
        for line in known.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run(benchmark: Benchmark) -> bool:
    """Run one, show and keep what it prints; say whether it ended well."""
    command = [sys.executable, str(HERE / benchmark.script), *benchmark.arguments]
    KEPT.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (
        (KEPT / f"{benchmark.name}.txt").open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        ) as process,
    ):
        kept.write(f"{machine()}\n")
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            print(line, end="", flush=True)
    minutes = (time.monotonic() - start) / 60
    print(f"-- {benchmark.name}: {minutes:.1f} min, exit status {process.returncode}\n")
    return process.returncode == 0


def main(words: Sequence[str] | None = None) -> int:
    """Run those that were named, or all."""
    parser = argparse.ArgumentParser(prog="launch.py bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="name", help="which (none: all)")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    options = parser.parse_args(words)
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no {unknown[0]!r}: choose of {', '.join(known)}")
    chosen = [known[name] for name in options.names or known]
    if options.list:
        for one in chosen:
            print(f"{one.name:<16}{one.minutes:>3} min  {one.script}")
        return 0
    print(f"{machine()}\n")
    failed = []
    for one in chosen:
        print(f"== {one.name} ({one.script}, about {one.minutes} min) ==", flush=True)
        if one.needs_text and not TEXT.is_file():
            print(f"Skipped: its text is missing. {FETCH}\n")
        elif not run(one):
            failed.append(one.name)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
