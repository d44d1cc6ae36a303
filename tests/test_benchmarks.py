"""`launch.py bench` knows every benchmark, and runs the ones that are named."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
NO_BENCHMARKS = {"all.py", "nanogpt_peer.py"}


@pytest.fixture(scope="module")
def every():
    return runpy.run_path(str(FOLDER / "all.py"))


def test_every_script_is_a_benchmark_and_is_told_of(every):
    scripts = {path.name for path in FOLDER.glob("*.py")} - NO_BENCHMARKS
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
