"""Would the tests notice? One line is made wrong at a time, and its folder's tests run.

    python benchmarks/mutants.py                   # all of them
    python benchmarks/mutants.py --only pages      # those whose path or words say so

Every mutation of `mutations.py` is applied to a copy of the tree in a temporary folder,
never to the tree itself. It is *killed* where a test of the touched folder fails, and
*survives* where all pass. At least 95% must be killed; a survivor is a test that is
missing, or has its reason in `mutations.REASONS`.
"""

import argparse
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mutations import MUTATIONS, REASONS, Mutation

ROOT = Path(__file__).parent.parent
WANTED = 0.95
SECONDS = 900
"""For the tests of one mutation; what hangs is killed too."""

FAILED = 101
"""The code of a process whose tests failed; 1 is what an exception ends with."""


class Outcome(NamedTuple):
    """What became of one mutation."""

    mutation: Mutation
    is_killed: bool
    told: str
    """The first test that failed, or why there is none."""
    seconds: float


def mutated(mutation: Mutation, root: Path = ROOT) -> str:
    """Return the file with its line made wrong.

    Raises:
        ValueError: If the old text is not in the file exactly once, or no file is.
    """
    path = root / mutation.path
    source = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (found := source.count(mutation.old)) != 1:
        raise ValueError(
            f"{mutation.path} has {mutation.old!r} {found} times, and a mutation needs "
            "it once: bring mutations.py up to date."
        )
    return source.replace(mutation.old, mutation.new)


def copy_of_the_tree(folder: Path) -> Path:
    """Copy what git tracks; the shipped models, which nothing changes, are linked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file() and not name.startswith("data/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    (folder / "data").symlink_to(ROOT / "data")
    return folder


def outcome_of(mutation: Mutation, tree: Path) -> Outcome:
    """Apply a mutation to a copy, run the tests, and take it back."""
    path, begun = tree / mutation.path, time.monotonic()
    whole = path.read_text(encoding="utf-8")
    path.write_text(mutated(mutation, tree), encoding="utf-8")
    try:
        code, output = tested(tree, shlex.split(mutation.tests))
    finally:
        path.write_text(whole, encoding="utf-8")
    lines = output.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    told = failed[0] if failed else " ".join(lines[-1:])
    if code not in (0, FAILED):
        raise SystemExit(
            f"{mutation.path}: {mutation.what}: pytest says {code}: {told}"
        )
    return Outcome(mutation, code == FAILED, told, time.monotonic() - begun)


def tested(tree: Path, arguments: Sequence[str]) -> tuple[int, str]:
    """Run tests of a copy in a process of its own; return pytest's code and words.

    The process is forked from one that has imported the libraries, and none of this
    project: that takes half of a short test's time.
    """
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["torch", "altair", "pytest", "streamlit.testing.v1"])
    output = tree / ".tested"
    output.touch()
    process = forked.Process(target=_test, args=(str(tree), list(arguments)))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return FAILED, "FAILED: it never ended"
    return process.exitcode or 0, output.read_text(encoding="utf-8", errors="replace")


def _test(tree: str, arguments: list[str]) -> None:
    """Run pytest in a copy, and end with its code."""
    os.chdir(tree)
    sys.path.insert(0, tree)
    sys.dont_write_bytecode = True
    with Path(".tested").open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        quiet = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
        code = int(pytest.main([*quiet, *arguments]))
    sys.exit(FAILED if code == 1 else code)


def run_all(chosen: Sequence[Mutation], processes: int) -> list[Outcome]:
    """Try every mutation, some at a time, each process in a copy of its own."""
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            trees.put(copy_of_the_tree(Path(folder) / str(number)))

        def try_one(mutation: Mutation) -> Outcome:
            tree = trees.get()
            try:
                found = outcome_of(mutation, tree)
            finally:
                trees.put(tree)
            verdict = "killed  " if found.is_killed else "SURVIVED"
            print(f"{verdict} {found.seconds:5.0f} s  {mutation.path}: {mutation.what}",
                  flush=True)  # fmt: skip
            return found

        with ThreadPoolExecutor(processes) as pool:
            return list(pool.map(try_one, chosen))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations; return 1 where too many survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the path or the words")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    mutations = [
        each for each in MUTATIONS if chosen.only in f"{each.path} {each.what}"
    ]
    for mutation in mutations:
        mutated(mutation)  # says at once which no longer fits
    outcomes = run_all(mutations, chosen.processes)
    killed = sum(each.is_killed for each in outcomes)
    print(f"\n{killed} of {len(outcomes)} killed: {killed / len(outcomes):.1%}")
    for each in outcomes:
        if not each.is_killed:
            reason = REASONS.get(each.mutation.what, "a test is missing")
            print(f"  {each.mutation.path}: {each.mutation.what}: {reason}")
            print(f"    {each.told}")
    return int(killed < WANTED * len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
