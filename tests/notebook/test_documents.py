"""The notebook in `docs/` runs from top to bottom, and what it says is so."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from minigpt.notebook import Heads

FIND = Path(__file__).parents[2] / "docs" / "find_an_induction_head.ipynb"


def code_cells() -> list[dict[str, Any]]:
    cells = json.loads(FIND.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, Any], list[str]]:
    """Return the variables after all cells, and what each cell printed."""
    variables: dict[str, Any] = {}
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MINIGPT_SHIPPED", raising=False)  # Other tests leave them out.
        for cell in code_cells():
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec("".join(cell["source"]), variables)
            printed.append(out.getvalue())
    return variables, printed


def test_the_induction_heads_are_found_and_needed(ran):
    variables, _ = ran
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


def test_the_outputs_that_are_stored_are_those_of_this_code(ran):
    _, printed = ran
    stored = [
        "".join(
            "".join(output["text"])
            for output in cell["outputs"]
            if output["output_type"] == "stream"
        )
        for cell in code_cells()
    ]
    assert stored == printed
