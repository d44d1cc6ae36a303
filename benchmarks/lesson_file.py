"""A lesson file in a browser: its size, how soon it opens, how soon a key press shows.

    python benchmarks/lesson_file.py
    python benchmarks/lesson_file.py --model data/models/glass

The file is opened from the disk in headless Chromium, on a screen of 390 × 844: with
the processor slowed down four times, as a phone's is, and as it is. Then, not slowed
down, each key press runs the model on the whole prompt and draws all heads. Medians.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from minigpt.checkpoint import load_checkpoint
from minigpt.lesson_file.document import lesson_file

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from one_browser import installed_chromium

ASKED = {"MB": 6.5, "opens": 2.0, 16: 100, 64: 300}
"""Megabytes; seconds, slowed down; milliseconds of a key press, by tokens."""

FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
)
WORDS = " the cat sat and the girl said that a boy was here"

PRESS = """async ([prompt, rounds]) => {
    const area = document.querySelector("textarea"), times = [];
    for (let turn = 0; turn < rounds; turn++) {
        area.value = prompt + (turn % 2 ? " a" : " b");
        const start = performance.now();
        area.dispatchEvent(new Event("input"));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - start);
    }
    return times;
}"""


def opening_seconds(browser: Any, file: Path, slowed: int) -> float:
    """Return the seconds until the first lesson stands there."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    developer = page.context.new_cdp_session(page)
    developer.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    start = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_selector("main[data-ready]")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    seconds = time.perf_counter() - start
    page.close()
    return seconds


def press_milliseconds(browser: Any, file: Path, prompt: str, rounds: int) -> float:
    """Return the median milliseconds from a key press to the next frame."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(file.as_uri())
    page.wait_for_selector("main[data-ready]")
    page.evaluate(PRESS, [prompt, 3])  # until the script is compiled
    times = page.evaluate(PRESS, [prompt, rounds])
    page.close()
    return statistics.median(times)


def main() -> None:
    """Write a file, open it, press keys, print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("data/models/tales"))
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model)
    tokens = checkpoint.tokenizer.encode(WORDS * 12)
    program = installed_chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "lesson.html"
        content = lesson_file(checkpoint, name=arguments.model.name).encode()
        file.write_bytes(content)
        size = len(content) / 1e6
        print(f"{arguments.model.name}: {size:.2f} MB (asked: {ASKED['MB']})")
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        for slowed, asked in ((4, f" (asked: {ASKED['opens']})"), (1, "")):
            times = [opening_seconds(browser, file, slowed) for _ in range(5)]
            print(
                f"opens in {statistics.median(times):.2f} s, slowed {slowed} ×{asked}"
            )
        for length in (16, 64):
            prompt = checkpoint.tokenizer.decode(tokens[: length - 1])
            took = press_milliseconds(browser, file, prompt, arguments.rounds)
            print(
                f"{length} tokens: {took:.0f} ms a key press (asked: {ASKED[length]})"
            )
        browser.close()


if __name__ == "__main__":
    main()
