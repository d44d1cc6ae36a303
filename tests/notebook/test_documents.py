"""The notebooks in `docs/` run from top to bottom, and what they say is so.

A cell with the tag `parameters` names what a test may set otherwise, to take less time.
"""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from minigpt.notebook import Heads

DOCS = Path(__file__).parents[2] / "docs"
ALL = sorted(DOCS.glob("*.ipynb"))


def code_cells(name: str) -> list[dict[str, Any]]:
    cells = json.loads((DOCS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run(name: str, **parameters: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the variables after all cells, and what each cell printed."""
    variables: dict[str, Any] = {}
    printed = []
    for cell in code_cells(name):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec("".join(cell["source"]), variables)
        printed.append(out.getvalue())
        if "parameters" in cell["metadata"].get("tags", []):
            assert set(parameters) <= set(variables)
            variables |= parameters
    return variables, printed


def stored(cell: dict[str, Any]) -> str:
    """Return what a cell printed when its notebook was saved."""
    outputs = [each for each in cell["outputs"] if each["output_type"] == "stream"]
    return "".join("".join(each["text"]) for each in outputs)


@pytest.fixture(scope="module")
def found() -> tuple[dict[str, Any], list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MINIGPT_SHIPPED", raising=False)  # Other tests leave them out.
        return run("find_an_induction_head")


def test_the_induction_heads_are_found_and_needed(found):
    variables, _ = found
    found, loss = variables["found"], variables["loss_of_the_copy"]
    assert isinstance(found, Heads)
    assert found.head[0] == 1
    assert found.weight > 0.8
    assert (found.pieces[found.cell[0]], found.pieces[found.cell[1]]) == ("kite", "and")
    assert found.cell[1] < found.cell[0] - 1
    assert (variables["scores"][1] > 0.8).all()
    assert (variables["scores"][0] < 0.2).all()
    whole, lost = loss(), {}
    for head in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        lost[head] = loss(variables["without"](*head)) - whole
    assert max(lost, key=lost.__getitem__) == (0, 0)
    assert min(lost[1, 0], lost[1, 1]) > 0.2
    below = variables["patterns"][0, 0].diagonal(-1)
    assert below.mean() > 0.8  # L0H0 reads the token just before.


def test_the_outputs_that_are_stored_are_those_of_this_code(found):
    _, printed = found
    assert [stored(cell) for cell in code_cells("find_an_induction_head")] == printed


def test_a_model_is_trained_by_another_process_and_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    variables, _ = run("train_and_open", steps=8)
    watch, checkpoint = variables["watch"], variables["checkpoint"]
    assert watch.status.state == "finished"
    assert list(watch.losses) == list(range(1, 9))
    assert variables["last"] < variables["first"]
    assert variables["first"] == pytest.approx(variables["uniform"], abs=0.1)
    assert checkpoint.metadata.step == 8
    assert variables["row"].head == variables["best"]
    # What the notebook says of the whole training is stored in it.
    films = "".join(map(stored, code_cells("train_and_open"))).split("has ")[1:]
    first, *_, last = (float(line.split()[0]) for line in films)
    assert first < 0.2 < 0.7 < last


def test_a_handful_of_examples_makes_a_model_that_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    variables, _ = run("from_text_to_chat")
    shown, others, has = (variables[name] for name in ("shown", "others", "has"))
    assert (len(shown), len(others)) == (14, 6)
    assert variables["right"](shown) >= 12
    assert variables["right"](others) >= 2  # By chance, 3 in 100 have even one.
    base = variables["checkpoint"]
    known = variables["generator"].generate_greedy("Gus has", max_new_tokens=3)
    assert known == f"Gus has {has['Gus']}"
    assert set(base.tokenizer.unknown("What does Mia have?")) >= {"What", "does"}
    row = variables["row"]
    assert row.weights[variables["at"]] == variables["weights"].max() > 0.3


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_that_nobody_runs_shows_pictures(path):
    pictures = [
        output["data"]
        for cell in code_cells(path.stem)
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert pictures
    assert all(set(data) == {"text/plain", "text/html"} for data in pictures)
    drawn = ["".join(data["text/html"]) for data in pictures]
    assert all(re.search("<svg|<table|<p>", html) for html in drawn)
    assert path.stat().st_size < 300_000
