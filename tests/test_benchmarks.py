"""`launch.py bench` knows every benchmark, and runs the ones that are named."""

import importlib
import runpy
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
NO_BENCHMARKS = {"all.py", "mutations.py", "nanogpt_peer.py", "runs/small_run.py"}


@pytest.fixture(scope="module")
def every():
    return runpy.run_path(str(FOLDER / "all.py"))


def test_every_script_is_a_benchmark_and_is_told_of(every):
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py")}
    scripts = found - NO_BENCHMARKS
    assert {benchmark.script for benchmark in every["BENCHMARKS"]} == scripts
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"`{script}`" in readme for script in scripts)


def test_a_list_says_how_long_each_takes(every, capsys):
    assert every["main"](["--list", "bpe", "pages"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["bpe", "pages"]
    assert all(" min " in line for line in lines)


def test_an_unknown_name_is_refused_with_those_there_are(every, capsys):
    with pytest.raises(SystemExit):
        every["main"](["training", "bpee"])
    assert "choose of bpe, generation" in capsys.readouterr().err


def test_the_output_is_shown_and_kept(every, tmp_path, monkeypatch, capfd):
    folder, kept = tmp_path / "benchmarks", tmp_path / "kept"
    folder.mkdir()
    (folder / "one.py").write_text("import sys; print('ours', sys.argv[1])")
    run = every["run"]
    monkeypatch.setitem(run.__globals__, "HERE", folder)
    monkeypatch.setitem(run.__globals__, "KEPT", kept)
    one = every["Benchmark"]("one", "one.py", ("2.5x",), 1)
    assert run(one)
    assert "ours 2.5x" in capfd.readouterr().out
    machine, output = (kept / "one.txt").read_text("utf-8").splitlines()
    assert "cores" in machine
    assert output == "ours 2.5x"
    (folder / "one.py").write_text("raise SystemExit(3)")
    assert not run(one)


@pytest.fixture
def mutants(monkeypatch):
    """Import the script, as the processes that it forks do."""
    monkeypatch.syspath_prepend(str(FOLDER))
    # A page that ran in this process left itself as `__main__`: a fork would run it.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    return vars(importlib.import_module("mutants"))


def test_every_mutation_still_applies_and_names_tests_that_are_there(mutants):
    assert len(mutants["MUTATIONS"]) >= 40
    words = [each.what for each in mutants["MUTATIONS"]]
    assert len(set(words)) == len(words)
    for each in mutants["MUTATIONS"]:
        wrong = mutants["mutated"](each)
        if each.path.endswith(".py"):
            compile(wrong, each.path, "exec")
        for argument in shlex.split(each.tests):
            if argument.startswith("tests"):
                assert (FOLDER.parent / argument).exists(), argument


def test_a_mutation_that_no_longer_applies_is_refused(mutants, tmp_path):
    one = mutants["MUTATIONS"][0]
    (tmp_path / one.path).parent.mkdir(parents=True)
    (tmp_path / one.path).write_text(f"{one.old}\n{one.old}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2 times"):
        mutants["mutated"](one, tmp_path)


def test_a_wrong_line_is_killed_by_its_test_and_taken_back(mutants, tmp_path):
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n", "utf-8")
    test = "from sums import add\n\n\ndef test_sums():\n    assert add(2, {}) == {}\n"
    right = (tmp_path / "sums.py").read_text("utf-8")
    Mutation, outcome_of = mutants["Mutation"], mutants["outcome_of"]
    one = Mutation("sums.py", "sign", "a + b", "a - b", "test_sums.py")
    for second, killed in ((3, True), (0, False)):
        content = test.format(second, 2 + second)
        (tmp_path / "test_sums.py").write_text(content, encoding="utf-8")
        assert outcome_of(one, tmp_path).is_killed is killed
        assert (tmp_path / "sums.py").read_text("utf-8") == right
