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
from time import monotonic, sleep

import pytest
from lesson_file.test_file import checkpoint_of

import minigpt
from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.walk]

ROOT = Path(__file__).parents[2]
TEXT = "the cat sat on the mat"
CELLS = [
    "import minigpt\nfrom minigpt.notebook import heads\n"
    f"widget = heads(minigpt.load('model'), {TEXT!r})\nwidget",
    "print('chosen', *widget.head, *widget.cell, widget.weight)",
    "widget.head = (0, 1)",
]


def wait_until_ready(url: str, process: subprocess.Popen, seconds: float = 60) -> None:
    deadline = monotonic() + seconds
    while True:
        assert process.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(f"{url}/api/status").close()
        except OSError:
            assert monotonic() < deadline
            sleep(0.2)
        else:
            return


@pytest.fixture
def lab(tmp_path):
    """Serve a folder with a model and a notebook, and return its address."""
    program = os.environ.get("JUPYTER_LAB") or shutil.which("jupyter-lab")
    if not program:
        pytest.skip("JupyterLab is not installed")
    fits = checkpoint_of()
    minigpt.save_checkpoint(tmp_path / "model", fits.model, fits.tokenizer)
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "outputs": []}
        | {"source": source, "execution_count": None}
        for n, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}}
    text = json.dumps(document | {"nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "look.ipynb").write_text(text, encoding="utf-8")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--no-browser"]
    options += ["--IdentityProvider.token=", "--allow-root"]
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    homes = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
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
            wait_until_ready(url, process)
            yield url, tmp_path
        finally:
            process.terminate()
            process.wait(timeout=30)


def run_cell(page, number: int) -> None:
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Shift+Enter")


def test_a_head_chosen_in_the_picture_is_read_in_python_and_set_there(chromium, lab):
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    url, folder = lab
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
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
