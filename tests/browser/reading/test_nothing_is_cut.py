"""Every page at every size: no figure is cut off, scrolled away or over the edge.

The boxes of all elements are measured, those of the figures too. One session visits all
pages, and one window takes every size: nothing is loaded anew but for another model.
"""

from dataclasses import dataclass
from pathlib import Path

import navigation
import pytest
import torch

from minigpt.checkpoint import save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

BOXES = (Path(__file__).parent / "boxes.js").read_text(encoding="utf-8")
PROJECTOR = (1280, 720)
SIZES = [(390, 844), (1920, 1080), PROJECTOR]
"""The last is the one in which a page is presented, too."""
LAYERS = {4: 2, 12: 12, 16: 4}
"""The models, by their number of heads."""
SIZED = ("home", "attention", "block", "learning", "head_explorer", "logit_lens")
SIZED += ("intervene",)
"""Pages whose figures grow with the heads and with the prompt."""
SCROLL = (
    "pre, code, input, textarea",
    "[data-testid=stDataFrame]",
    # Under a closed line stands the whole of it.
    "details:not([open]) > summary",
    # Its steps stand side by side; a phone has room for two or three of them.
    ".beam_tree .stage",
)
"""What may scroll, or be cut short: code, tables, what is typed, and a beam's tree."""
SHEETS = (".attention_steps .stage", ".journey .sheet", ".value_grid .stage")
"""Sheets of a column or row per token: they scroll where there are too many to read."""
CHOSEN = "th.reads, rect.row.chosen, td[aria-selected=true]"
"""What a sheet must show, however far it scrolls."""

# The script has ended, and two looks in a row find every box where it was.
STILL = """() => {
    const app = document.querySelector("[data-testid=stApp]");
    if (app?.dataset.testScriptState !== "notRunning"
        || !document.querySelector(".st-key-keyboard")
        || document.querySelector("[data-testid=stSkeleton]")) return false;
    const boxes = [...document.querySelectorAll("[data-testid=stMain] *")]
        .map(node => node.getBoundingClientRect())
        .map(({ right, bottom }) => `${right | 0} ${bottom | 0}`).join();
    const isStill = window.boxesBefore === boxes;
    window.boxesBefore = boxes;
    return isStill;
}"""


@pytest.fixture(scope="module")
def sized(chromium_program, serve_app, tmp_path_factory):
    """Start a server with models of 4, 12 and 16 heads."""
    data = tmp_path_factory.mktemp("sized")
    settings = TokenizerConfig(kind="bpe", vocab_size=500)
    tokenizer = build_tokenizer(settings, generate_tales(60_000))
    for heads, layers in LAYERS.items():
        torch.manual_seed(heads)
        model = create_model(
            "transformer",
            vocab_size=tokenizer.vocab_size,
            d_model=4 * heads,
            num_layers=layers,
            num_heads=heads,
            max_seq_len=64,
        )
        save_checkpoint(data / "models" / f"heads-{heads}", model, tokenizer)
    story = tokenizer.encode("One day Tom gave the red kite to Mia. " * 12)
    with serve_app(data) as running:
        yield running, lambda length: tokenizer.decode(story[:length])


@dataclass
class Rule:
    """Look at one page at one size after another, and write down what is wrong."""

    page: object
    allowed: tuple[str, ...]
    about: str
    wrong: list[str]

    def measure(self, name: str, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.settle()
        asked = {"allowed": ", ".join(self.allowed), "chosen": CHOSEN}
        self.wrong += [
            f"{name} {self.about} {width} × {height}: {fault}"
            for fault in self.page.evaluate(BOXES, asked)
        ]

    def settle(self) -> None:
        self.page.evaluate("window.boxesBefore = null")
        self.page.wait_for_function(STILL, polling=100)


def measured(page, url: str, names, heads: int, prompt: str, allowed) -> list[str]:
    """Return what is wrong on some pages, with one model and one prompt."""
    about = f"with {heads} heads at"
    rule = Rule(page, allowed, about, [])
    place = {"model": f"heads-{heads}", "prompt": prompt}
    navigation.visit(page, url, navigation.HOME, **place)
    for lesson in navigation.PAGES:
        if lesson.name not in names:
            continue
        navigation.follow(page, lesson)
        for size in SIZES:
            rule.measure(lesson.name, *size)
        if page.get_by_text("Something broke").count():
            rule.wrong.append(f"{lesson.name} broke")
        page.get_by_role("button", name="Present", exact=True).click()
        page.get_by_role("button", name="✕").wait_for()
        rule.measure(f"{lesson.name}, presented", *PROJECTOR)
        page.get_by_role("button", name="✕").click()
        page.get_by_test_id("stSidebarNav").wait_for()
    return rule.wrong


@pytest.mark.timeout(600)
def test_no_page_cuts_or_hides_anything_at_any_size(page, sized):
    server, prompt = sized
    names = [lesson.name for lesson in navigation.PAGES]
    # Seven tokens have room everywhere but on a phone's sheet.
    allowed = (*SCROLL, SHEETS[0])
    assert measured(page, server.url, names, 4, prompt(7), allowed) == []
    assert "Traceback" not in server.log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.walk
@pytest.mark.parametrize("heads", [12, 16])
def test_many_heads_and_tokens_fit_too(heads, page, sized):
    server, prompt = sized
    allowed = (*SCROLL, *SHEETS)
    assert measured(page, server.url, SIZED, heads, prompt(64), allowed) == []
