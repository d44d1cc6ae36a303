"""Values that nobody means: each is one line that says what to do."""

import math

import pytest

from minigpt.cli import main
from minigpt.cli.elsewhere import _Shown
from minigpt.cli.train import _forget
from minigpt.config import RunConfig
from minigpt.runs.files import Journal
from minigpt.runs.store import create_run

NOBODY = "~nobody-of-this-name/x"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Once upon a time. " * 300, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "tales", "x", "--megabytes", "nan"], "megabytes is nan"),
        (["data", "tales", "x", "--megabytes", "inf"], "megabytes is inf"),
        (["data", "tales", "x", "--megabytes", "1e300"], "10,000 at most"),
        (["inspect", "--model_path", NOBODY], "does not exist"),
        (["tokenizer", "info", NOBODY], "does not exist"),
        (["train", "--resume", NOBODY], "cannot be a run's name"),
        (["train", "--data_file", NOBODY], "There is no file"),
        (["evaluate", "--batch_size", "0"], "choose 1 or more"),
        (["generate", "--model_path", "tales", "--stop", ""], "--stop is empty"),
    ],
    ids=lambda words: " ".join(words)[:40] if isinstance(words, list) else "",
)
def test_a_value_that_nobody_means_is_answered_in_one_line(words, said, capsys):
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["data", "clean", "text.txt"], ["data", "tales"]])
def test_a_directory_is_no_file_to_write(words, capsys):
    assert main([*words, "."]) == 1
    assert "minigpt: Is a directory: ." in capsys.readouterr().err


def test_a_run_that_never_learned_leaves_its_directory_as_it_was(home):
    run = create_run(home / "mine", RunConfig())
    (run.path / "film" / "checkpoint_step_0").mkdir(parents=True)
    (run.path / "curves.svg").touch()
    _forget(run)
    assert not run.path.exists()


def test_who_watches_is_told_of_a_loss_that_is_no_number(home, capsys):
    run = create_run(home / "mine", RunConfig())
    shown, journal = _Shown(run), Journal(run.path / "metrics.jsonl")
    journal.append({"kind": "evaluation", "step": 3, "loss": math.nan})
    shown.update()
    assert capsys.readouterr().out == "step 3: validation loss is no number\n"
