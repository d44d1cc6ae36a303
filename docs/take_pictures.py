"""Take the README's pictures: the real app, with the shipped models, in Chromium.

    python docs/take_pictures.py

Starts a server on a copy of `data/models`, trains a small run from the Training page as
a reader would, and writes PNGs beside this file. Takes about two minutes.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT))
from one_browser import installed_chromium  # noqa: E402
from streamlit_server import serve_script  # noqa: E402

import minigpt  # noqa: E402
from minigpt.lesson_file.document import lesson_file  # noqa: E402

MODELS = ROOT / "data" / "models"
PROMPT = "Once upon a time there was a"
SEED, TOKEN_TO_OPEN = 7, 4
TRAINING_STEPS = 600
SECONDS = 1000  # Playwright counts in milliseconds


STORY = "Mia met Tom . the sun was up . then Ana fed Sam . Mia met"
VIEWS = {
    "home": f"?prompt={PROMPT}",
    "tokenizer": "tokenizer",
    "attention": "attention?model=glass&prompt=Once upon a time there was a girl",
    "logit-lens": f"logit_lens?prompt={PROMPT}",
    "intervene": f"intervene?model=induction&prompt={STORY}&cut=L0H0",
    "circuit": "intervene?model=tales&intervene=Circuit",
    "beam-search": "beam_search",
}
"""Pages that show all there is to see when they open, by what follows the address."""
HERO = ("home", VIEWS["home"])


def main() -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tool:
        data = Path(folder)
        shutil.copytree(MODELS, data / "models")
        browser = tool.chromium.launch(
            executable_path=installed_chromium(),
            args=["--no-sandbox", "--disable-sync"],
        )
        settings = {"MINIGPT_DATA": str(data), "MINIGPT_COVER": "off"}
        with serve_script(ROOT / "app.py", data / "server.log", **settings) as port:
            address = f"http://127.0.0.1:{port}"
            for scheme in ("light", "dark"):
                page = open_tab(browser, scheme)
                for name, view in VIEWS.items() if scheme == "light" else (HERO,):
                    page.goto(f"{address}/{view}")
                    page.get_by_role("heading", level=1).wait_for()
                    settle(page)
                    save(page, f"{name}-{scheme}.png")
            page = open_tab(browser, "light")
            explore_heads(page, address)
            save(page, "head-explorer-light.png")
            generate(page, address)
            save(page, "generation-light.png")
            page.set_viewport_size({"width": 1280, "height": 900})
            train(page, address)
            save(page, "training-light.png")
            save(open_lesson_file(browser, data), "lesson-file-light.png")
        browser.close()


def open_tab(browser: Browser, scheme: str) -> Page:
    """Open a tab of a laptop's size in a reader's colour scheme."""
    page = browser.new_page(
        viewport={"width": 1280, "height": 760},
        device_scale_factor=1.5,
        color_scheme=scheme,
    )
    page.set_default_timeout(120 * SECONDS)
    return page


def explore_heads(page: Page, address: str) -> None:
    """Show all heads of the shipped model on a story, and one head close."""
    page.goto(f"{address}/head_explorer?model=tales&prompt={PROMPT}")
    page.get_by_text("All 16 heads").wait_for()
    settle(page)


def generate(page: Page, address: str) -> None:
    """Let the shipped model write, and look at what else might have come."""
    page.goto(f"{address}/generation?model=tales&prompt={PROMPT}")
    seed = page.get_by_role("spinbutton", name="seed", exact=True)
    seed.fill(str(SEED))
    seed.press("Enter")
    settle(page)
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("Download the text").wait_for()
    page.get_by_role("button", name="Stop", exact=True).wait_for(state="hidden")
    settle(page)
    page.get_by_role("option").nth(TOKEN_TO_OPEN).click()
    settle(page)


def train(page: Page, address: str) -> None:
    """Start a run as a reader would, and wait until it is well under way."""
    page.goto(f"{address}/training")
    steps = page.get_by_role("spinbutton", name="Steps", exact=True)
    steps.fill(str(TRAINING_STEPS))
    steps.press("Enter")
    settle(page)
    page.get_by_role("button", name="Start training").click()
    badge = page.locator(".stMarkdownBadge", has_text="finished")
    badge.first.wait_for(timeout=600 * SECONDS)
    settle(page)


def open_lesson_file(browser: Browser, folder: Path) -> Page:
    """Open a lesson file on a phone, and ablate the head that matters most."""
    file = folder / "tales.html"
    checkpoint = minigpt.load(MODELS / "tales")
    prompt = "Once upon a time there was a girl. The girl"
    file.write_text(lesson_file(checkpoint, name="tales", prompt=prompt), "utf-8")
    page = browser.new_page(
        viewport={"width": 390, "height": 844}, device_scale_factor=1.5
    )
    page.goto(file.as_uri())
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("button", name="Ablate").click()
    page.evaluate("document.querySelector('[role=tablist]').scrollIntoView()")
    return page


def settle(page: Page) -> None:
    """Wait until the page no longer runs, draws or waits for anything."""
    page.wait_for_load_state("networkidle")
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="hidden")
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="hidden")
    page.evaluate("document.fonts.ready")
    page.mouse.move(2, 2)


def save(page: Page, name: str) -> None:
    """Write a small PNG: the app has few colours, so a palette holds them."""
    path = DOCS / name
    page.screenshot(path=path, animations="disabled", caret="hide")
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
