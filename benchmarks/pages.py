"""The Head explorer in a browser: how soon it appears, and how soon a click counts.

    python benchmarks/pages.py

A server of its own and a Chromium that talks to nobody else. For each model:

- `appears`: from Enter in the prompt's field until every head of the new prompt is
  painted, server and browser together;
- `click`: from the press on a thumbnail until the head's name, its map and the line
  with its number are painted, by the browser's clock: median and 95th percentile. A
  second passes before each click, as a reader needs to look at what the last one
  brought; the rest of the page has arrived by then;
- `hover`: messages to the server while the pointer crosses all heads and the map;
- `sent`: bytes of all heads' patterns, against what BertViz writes into its page.

BertViz's sizes are its own HTML's, measured once at 12 × 12 heads (`model_view`).
"""

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import numpy as np
import torch
from playwright.sync_api import Page, WebSocket, sync_playwright

from minigpt.checkpoint import save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer
from viz.components.head_grid.view import thumbnails

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from one_browser import installed_chromium  # noqa: E402
from streamlit_server import serve_script  # noqa: E402

BERTVIZ_BYTES = {32: 6.4e6, 64: 25.7e6, 128: 103.7e6}
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]
SHAPES = {
    # name: layers, heads, width, tokens
    "h12x12": (12, 12, 96, 128),
    "h24x16": (24, 16, 96, 128),
    "h48x25": (48, 25, 100, 64),
}
WORDS = generate_tales(50_000).split()
THOUGHT = 1000  # Milliseconds that a reader looks at one head before the next.


def make_models(data: Path, gpt2: bool) -> dict[str, int]:
    """Fill `data/models`; return how many tokens to show each model."""
    copytree(ROOT / "data" / "models", data / "models")
    shown = {path.name: 16 for path in (data / "models").iterdir() if path.is_dir()}
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), generate_tales(50_000))
    shapes = {**SHAPES, **({"gpt2": (12, 12, 768, 256)} if gpt2 else {})}
    for name, (layers, heads, width, tokens) in shapes.items():
        torch.manual_seed(0)
        model = create_model(
            "transformer",
            vocab_size=tokenizer.vocab_size,
            d_model=width,
            num_layers=layers,
            num_heads=heads,
            max_seq_len=256,
        )
        save_checkpoint(data / "models" / name, model, tokenizer, step=1)
        shown[name] = tokens
    return shown


def prompt_of(characters: int, rng: random.Random) -> str:
    """Return a prompt of so many characters."""
    return " ".join(rng.choices(WORDS, k=characters))[:characters]


def payload(layers: int, heads: int, tokens: int) -> int:
    """Return the bytes that carry the patterns of all heads to the browser."""
    causal = np.tril(np.ones((tokens, tokens)))
    patterns = np.broadcast_to(causal, (layers, heads, tokens, tokens))
    return len(str(thumbnails(patterns)["weights"]))


class Visit:
    """One browser tab on the Head explorer."""

    def __init__(self, page: Page, address: str, model: str) -> None:
        self.page, self.sent = page, 0
        page.on("websocket", self._listen)
        page.goto(f"{address}/head_explorer?model={model}")
        page.locator(".head_grid canvas").first.wait_for()
        page.locator(".attention_heatmap canvas").first.wait_for()
        page.wait_for_timeout(1000)

    def _listen(self, socket: WebSocket) -> None:
        def count(_: object) -> None:
            self.sent += 1

        socket.on("framesent", count)

    def appears(self, prompt: str) -> float:
        """Type a prompt; return the seconds until all its heads are painted."""
        field = self.page.get_by_label("Prompt", exact=True)
        field.fill(prompt)
        self.page.evaluate(WATCH_GRID)
        start = time.perf_counter()
        field.press("Enter")
        self.page.wait_for_function("() => window.paintedAt > 0", polling=10)
        return time.perf_counter() - start

    def click(self, layer: int, head: int, layers: int, heads: int) -> float:
        """After a thought, click a thumbnail; return the seconds until it is drawn."""
        self.page.wait_for_timeout(THOUGHT)
        canvas = self.page.locator(".head_grid .stage > canvas").first
        box = canvas.bounding_box()
        assert box is not None
        left, top = 28.8, 21.6  # where the names of layers and heads stand
        place = {
            "x": left + (head + 0.45) * (box["width"] - left) / heads,
            "y": top + (layer + 0.4) * (box["height"] - top) / layers,
        }
        canvas.hover(position=place)  # brings it into sight
        cell = f"blocks.{layer}.attn.hook_pattern[0, {head}, "
        self.page.evaluate(WATCH_HEAD, [f"L{layer}H{head} ", cell])
        self.page.mouse.down()
        self.page.mouse.up()
        seen = self.page.wait_for_function("() => window.seenAfter", polling=50)
        return float(seen.json_value()) / 1000

    def hover(self) -> int:
        """Cross all heads and the map; return the messages to the server."""
        before = self.sent
        for name in (".head_grid .stage", ".attention_heatmap canvas"):
            area = self.page.locator(name).first.bounding_box()
            assert area is not None
            for step in range(40):
                share = (step + 0.5) / 40
                self.page.mouse.move(
                    area["x"] + share * area["width"],
                    area["y"] + share * min(area["height"], 400),
                )
        self.page.wait_for_timeout(300)
        return self.sent - before


# To look once a frame costs the page little; a frame later it is on the screen.
WATCH_HEAD = """([name, cell]) => {
    const inside = (root) => root?.querySelector('.attention_heatmap canvas');
    const map = inside(document) ?? [...document.querySelectorAll('*')]
        .map((node) => inside(node.shadowRoot)).find((canvas) => canvas);
    let drawn = false;
    window.seenAfter = 0;
    const says = (selector, words) => [...document.querySelectorAll(selector)]
        .some((each) => each.textContent.includes(words));
    addEventListener('mousedown', ({ timeStamp }) => {
        new MutationObserver((_, watcher) => {
            watcher.disconnect();
            drawn = true;
        }).observe(map, { attributes: true });
        requestAnimationFrame(function look() {
            const isNamed = says('h3', name) && says('[data-testid=stCode]', cell);
            requestAnimationFrame(!(drawn && isNamed) ? look : () => {
                window.seenAfter = performance.now() - timeStamp;
            });
        });
    }, { once: true, capture: true });
}"""

# The grid paints its canvas anew when the new patterns have come; two frames later the
# picture is on the screen.
WATCH_GRID = """() => {
    const canvas = document.querySelector('.head_grid canvas')
        ?? [...document.querySelectorAll('*')].map(n => n.shadowRoot)
            .find(root => root?.querySelector('.head_grid'))
            .querySelector('.head_grid canvas');
    window.paintedAt = 0;
    new MutationObserver((_, watcher) => {
        watcher.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => {
            window.paintedAt = performance.now();
        }));
    }).observe(canvas, { attributes: true });
}"""


def measure(page: Page, address: str, model: str, tokens: int, rounds: int) -> str:
    """Visit one model's heads; return a row of the table."""
    rng = random.Random(0)
    visit = Visit(page, address, model)
    label = page.locator(".head_grid .stage").first.get_attribute("aria-label") or ""
    layers, heads = map(int, re.findall(r"\d+", label)[:2])
    appears = [visit.appears(prompt_of(tokens, rng)) for _ in range(rounds)]
    page.wait_for_timeout(3000)
    places = [(rng.randrange(layers), rng.randrange(heads)) for _ in range(4 * rounds)]
    changes = [b for a, b in pairwise(places) if a != b]
    clicks = sorted(visit.click(*place, layers, heads) for place in changes)
    p95 = clicks[min(len(clicks) - 1, int(0.95 * len(clicks)))]
    return (
        f"{model:>10} {layers:>3} × {heads:<3} {tokens:>6} "
        f"{statistics.median(appears):>8.2f} s {statistics.median(clicks):>6.3f} s "
        f"{p95:>6.3f} s {visit.hover():>6}"
    )


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="prompts per model")
    parser.add_argument("--models", nargs="*", help="only these")
    parser.add_argument("--gpt2", action="store_true", help="also 124 M weights")
    arguments = parser.parse_args()
    print("patterns of 12 × 12 heads, bytes to the browser, against BertViz")
    for tokens, theirs in BERTVIZ_BYTES.items():
        ours = payload(12, 12, tokens)
        print(f"{tokens:>6} tokens {ours:>9,} {theirs:>11,.0f} {theirs / ours:>5.0f} ×")
    print(f"{256:>6} tokens {payload(12, 12, 256):>9,}")
    print(f"{'48 × 25, 64':>6} {payload(48, 25, 64):>9,}\n")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        data = Path(folder)
        shown = make_models(data, arguments.gpt2)
        program = installed_chromium()
        browser = driver.chromium.launch(executable_path=program, args=QUIET)
        log = data / "server.log"
        settings = {"MINIGPT_DATA": str(data), "MINIGPT_COVER": "off"}
        with serve_script(ROOT / "app.py", log, **settings) as port:
            print(
                f"{'model':>10} {'heads':>9} {'tokens':>6} {'appears':>10} "
                f"{'click':>8} {'p95':>8} {'hover':>6}"
            )
            for model in arguments.models or shown:
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                address = f"http://127.0.0.1:{port}"
                print(measure(page, address, model, shown[model], arguments.rounds))
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
