"""What Save hands over: pictures that stand by themselves, and the tensor's numbers."""

import io
import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
from navigation import open_link
from PIL import Image

from minigpt.checkpoint import load_checkpoint
from viz.theme import RAMP_ON_LIGHT

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PROMPT = "the red kite the red"
SVG = "{http://www.w3.org/2000/svg}"
BOX = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z")


@pytest.fixture
def dark(page):
    """Return a browser on a dark screen."""
    page.emulate_media(color_scheme="dark")
    return page


def saved(page, figure: str, kind: str) -> bytes:
    """Press one of the four buttons under a figure, and return the file."""
    menu = page.locator(f".st-key-save_of_{figure}").get_by_role("button").first
    menu.click()
    with page.expect_download() as download:
        page.get_by_test_id("stPopoverBody").get_by_role(
            "button", name=kind, exact=True
        ).click()
    page.keyboard.press("Escape")
    return download.value.path().read_bytes()


def recorded(data, *hooks: str) -> list[np.ndarray]:
    """Return what the hooks record on the prompt, without the batch's axis."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        tokens = torch.tensor([tokenizer.encode(PROMPT)])
        _, cache = model.run_with_cache(tokens)
    return [cache[hook][0].numpy() for hook in hooks]


def plain_svg(written: bytes) -> ElementTree.Element:
    """Read an SVG, and check that nothing in it needs this browser or a network."""
    picture = ElementTree.fromstring(written)
    used = {each.tag.removeprefix(SVG) for each in picture.iter()}
    assert used <= {
        *("svg", "g", "path", "rect", "text", "tspan", "title", "desc", "defs"),
        *("clipPath", "line", "circle"),
    }
    words = written.decode().replace("http://www.w3.org/", "")
    for foreign in ("var(", "color-mix", "oklab", "http", "url(//", "@import", "rgba"):
        assert foreign not in words
    if shutil.which("rsvg-convert"):
        drawn = subprocess.run(
            ["rsvg-convert"], input=written, capture_output=True, check=True
        ).stdout
        width, height = (float(picture.get(each)) for each in ("width", "height"))
        assert Image.open(io.BytesIO(drawn)).size == (width, height)
    return picture


def words_of(picture: ElementTree.Element) -> str:
    return "\n".join("".join(text.itertext()) for text in picture.iter(f"{SVG}text"))


def colour_of(weight: float) -> np.ndarray:
    """Return the ink of a weight on a light page: a ramp, by the root of the weight."""
    stops = np.array([list(bytes.fromhex(each[1:])) for each in RAMP_ON_LIGHT])
    place = np.sqrt(weight) * (len(stops) - 1)
    below = min(len(stops) - 2, int(place))
    return stops[below] + (place - below) * (stops[below + 1] - stops[below])


def cells_of(picture: ElementTree.Element, count: int) -> dict[tuple[int, int], str]:
    """Return the colour of every cell of a heat map, by row and column."""
    boxes = [
        (*map(float, box), path.get("fill"))
        for group in picture.iter(f"{SVG}g")
        if group.get("shape-rendering") == "crispEdges"
        for path in group.iter(f"{SVG}path")
        for box in BOX.findall(path.get("d"))
    ]
    left, top = (min(box[axis] for box in boxes) for axis in (0, 1))
    cell = boxes[0][3]
    found = {}
    for x, y, width, _, fill in boxes:
        for step in range(round(width / cell)):
            found[round((y - top) / cell), round((x - left) / cell) + step] = fill
    assert all(max(place) < count for place in found)
    return found


def test_a_heat_map_is_saved_in_light_colours_with_the_tensors_weights(
    dark, server, data
):
    link = f"{server.url}/head_explorer?prompt={PROMPT}&layer=1&head=1"
    open_link(dark, link)
    dark.locator(".attention_heatmap .caption").first.wait_for()
    weights = recorded(data, "blocks.1.attn.hook_pattern")[0][1]
    count = len(weights)
    picture = plain_svg(saved(dark, "heat-map", "SVG"))
    words = words_of(picture)
    for said in ("Head explorer: heat map", "Model glass · step 100", PROMPT):
        assert said in words
    assert "patterns(model, tokens)[1, 1]" in words
    assert "Esc" not in words
    cells = cells_of(picture, count)
    assert set(cells) == {(row, key) for row in range(count) for key in range(row + 1)}
    for place, fill in cells.items():
        found = np.array(list(bytes.fromhex(fill[1:])))
        np.testing.assert_allclose(found, colour_of(weights[place]), atol=6)
    image = Image.open(io.BytesIO(saved(dark, "heat-map", "PNG")))
    assert image.size[0] == 3 * float(picture.get("width"))
    assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)

    table = io.BytesIO(saved(dark, "heat-map", "CSV"))
    read = pd.read_csv(table, comment="#", index_col="row").to_numpy(float)
    np.testing.assert_allclose(np.nan_to_num(read), weights, atol=1e-6)
    whole = json.loads(saved(dark, "heat-map", "JSON"))
    assert (whole["model"], whole["step"]) == ("glass", "100")
    read = np.array(whole["numbers"], dtype=float)
    np.testing.assert_allclose(np.nan_to_num(read), weights, atol=1e-6)


def test_a_chart_is_saved_in_light_colours_with_the_tensors_norms(dark, server, data):
    open_link(dark, f"{server.url}/block?prompt={PROMPT}&token=3")
    dark.get_by_test_id("stVegaLiteChart").first.wait_for()
    picture = plain_svg(saved(dark, "the-stream", "SVG"))
    words = words_of(picture)
    for said in (
        "Multi-head and block: the stream",
        "Model glass · step 100",
        "L1 MLP",
    ):
        assert said in words
    # The text of the dark screen is nearly white: on paper it would not be seen.
    for text in picture.iter(f"{SVG}text"):
        assert max(bytes.fromhex(text.get("fill")[1:])) < 200
    hooks = [
        "blocks.0.hook_resid_pre",
        *(f"blocks.{i}.hook_resid_{at}" for i in range(2) for at in ("mid", "post")),
    ]
    norms = [np.linalg.norm(stream[3]) for stream in recorded(data, *hooks)]
    table = io.BytesIO(saved(dark, "the-stream", "CSV"))
    read = pd.read_csv(table, comment="#")["value"].to_numpy(float)
    np.testing.assert_allclose(read, norms, rtol=1e-5)
