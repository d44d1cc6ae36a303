"""A widget in a real JupyterLab: its keys, its numbers, and what Python hears of it.

JupyterLab is no requirement: `pip install jupyterlab anywidget` into an environment of
its own with this Python, and name its program in `$JUPYTER_LAB`.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from lesson_file.test_file import checkpoint_of
from patience import until

import minigpt
from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.walk, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
TEXT = "the cat sat on the mat"
CELLS = [
    "import minigpt\nfrom minigpt.notebook import heads\n"
    f"widget = heads(minigpt.load('model'), {TEXT!r})\nwidget",
    "print('chosen', *widget.head, *widget.cell, widget.weight)",
    "widget.head = (0, 1)",
]


LOOKED = [
    "print('chosen', watch.step, *watch.head)",
    "checkpoint = watch.load()\nread = journey(checkpoint, 'Once upon')\nread",
    "print('read', len(read.pieces), read.token, read.stage)",
    "row = attention(checkpoint, 'Once upon', row=4)\nrow",
    "print('weight', row.row, *row.weight, row.weights[2], row.kl)",
]


def code_of(name: str) -> list[str]:
    """Return the cells of code of a notebook in `docs/`."""
    path = ROOT / "docs" / f"{name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


def write_notebook(path: Path, sources: list[str]) -> None:
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "outputs": []}
        | {"source": source, "execution_count": None}
        for n, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}}
    text = json.dumps(document | {"nbformat": 4, "nbformat_minor": 5})
    path.write_text(text, encoding="utf-8")


def set_options(folder: Path) -> None:
    """Have all cells on the page, and no question about news before them."""
    options = {
        "notebook-extension/tracker": {"windowingMode": "none"},
        "apputils-extension/notification": {"fetchNews": "false"},
    }
    for name, values in options.items():
        path = folder / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def is_ready(url: str, process: subprocess.Popen) -> bool:
    assert process.poll() is None, "JupyterLab ended"
    try:
        urllib.request.urlopen(f"{url}/api/status").close()
    except OSError:
        return False
    return True


@pytest.fixture
def lab(tmp_path):
    """Serve a folder with a model and a notebook, and return its address."""
    program = os.environ.get("JUPYTER_LAB") or shutil.which("jupyter-lab")
    if not program:
        pytest.skip("JupyterLab is not installed")
    fits = checkpoint_of()
    minigpt.save_checkpoint(tmp_path / "model", fits.model, fits.tokenizer)
    write_notebook(tmp_path / "look.ipynb", CELLS)
    write_notebook(tmp_path / "train.ipynb", code_of("train_and_open")[:3] + LOOKED)
    set_options(tmp_path / "config" / "lab" / "user-settings" / "@jupyterlab")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--no-browser"]
    options += ["--IdentityProvider.token=", "--allow-root"]
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    homes = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    homes |= {"MINIGPT_DATA": str(tmp_path / "data")}
    with (tmp_path / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *options],
            cwd=tmp_path,
            env={**os.environ, **homes, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: is_ready(url, process))
            yield url, tmp_path
        finally:
            process.terminate()
            process.wait(timeout=30)


def run_cell(page, number: int) -> None:
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Shift+Enter")


def test_a_head_chosen_in_the_picture_is_read_in_python_and_set_there(chromium, lab):
    from playwright.sync_api import expect

    expect.set_options(timeout=240_000)
    url, folder = lab
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(240_000)
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/lab/tree/look.ipynb")
    # A cell that is run before the kernel has answered is forgotten.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    run_cell(page, 0)
    page.locator(".head_grid .stage").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".notebook h3").nth(1)).to_have_text("L1H1")  # Python drew it.
    page.locator(".attention_heatmap .stage").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):  # From the last row's first cell.
        page.keyboard.press(key)
    caption = page.locator(".attention_heatmap .caption")
    expect(caption).to_contain_text("locked")
    run_cell(page, 1)
    output = page.locator(".jp-OutputArea-output", has_text="chosen")
    expect(output).to_be_visible()
    layer, head, query, key, weight = output.inner_text().split()[1:]
    model, tokenizer, _ = load_checkpoint(folder / "model")
    patterns = read_prompt(model, tokenizer, TEXT).patterns
    assert (layer, head, query, key) == ("1", "1", str(len(TEXT) - 1), "0")
    assert float(weight) == pytest.approx(patterns[1, 1, -1, 0], abs=1e-6)
    (shown,) = re.findall(r"weight (\d\.\d+)", caption.inner_text())
    assert shown == f"{patterns[1, 1, -1, 0]:.3f}"
    run_cell(page, 2)
    expect(page.locator(".notebook h3").nth(1)).to_have_text("L0H1")
    if pictures := os.environ.get("PICTURES"):
        page.screenshot(path=f"{pictures}/jupyterlab.png")
    context.close()
    elsewhere = [each for each in asked if not each.startswith((url, "blob:", "data:"))]
    assert elsewhere == []
    assert errors == []


def printed(page, number: int, word: str) -> list[str]:
    """Run a cell, and return what it prints behind a word."""
    run_cell(page, number)
    output = page.locator(".jp-OutputArea-output pre", has_text=f"{word} ")
    output.wait_for()
    return output.inner_text().split()[1:]


def test_a_run_is_followed_and_opened_and_every_choice_is_read_in_python(chromium, lab):
    from playwright.sync_api import expect

    expect.set_options(timeout=240_000)
    url, _ = lab
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(240_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/lab/tree/train.ipynb")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    for number in range(3):
        run_cell(page, number)
    status = page.locator(".notebook [role=status]")
    expect(status).to_contain_text("is running")
    expect(status).to_contain_text("is finished", timeout=180_000)  # It asks by itself.
    expect(page.locator(".notebook .curve")).to_be_visible()
    page.locator(".film input").press("Home")
    expect(page.locator(".film output")).to_have_text("0")
    page.locator(".head_grid .stage").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".notebook .note", has_text="Chosen: L1H1")).to_be_visible()
    assert printed(page, 3, "chosen") == ["0", "1", "1"]
    run_cell(page, 4)
    choices = page.locator(".journey .choice")
    expect(choices).to_have_count(5)
    choices.first.press("Enter")
    expect(page.locator(".journey .row")).to_have_count(10)
    page.get_by_role("button", name="Block 1, attention: choose it").press("Enter")
    note = page.locator(".notebook .note", has_text="blocks.1.hook_attn_out has norm")
    expect(note).to_be_visible()
    assert printed(page, 5, "read") == ["10", "9", "3"]
    run_cell(page, 6)
    page.locator(".attention_steps .step", has_text="softmax").click()
    slider = page.get_by_label("Weight of")
    slider.press("End")
    expect(page.get_by_text("With your change in L0H0")).to_be_visible()
    query, key, weight, *_, kl = printed(page, 7, "weight")
    assert (query, weight) == ("4", "1.0")
    assert int(key) <= 4
    assert float(kl) > 0
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Move a slider")).to_be_visible()
    if pictures := os.environ.get("PICTURES"):
        page.screenshot(path=f"{pictures}/jupyterlab-run.png")
    context.close()
    assert errors == []
