"""A reader steps through a draw, forces a token, grows a tree: the numbers are real."""

import re

import pytest
import torch
from navigation import open_link, settle

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation import Generator
from minigpt.generation.opened_draw import open_draw

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "a red kite"
SETTINGS = {"top_p": 0.7, "temperature": 0.5, "top_k": 9, "seed": 6}
STAGES = ("model", "temperature", "top_k", "top_p")


@pytest.fixture
def glass(data):
    """Return the model that writes, and its tokenizer."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    return load_checkpoint(path)


def open_page(page, server, **settings):
    open_link(page, f"{server.url}/generation?prompt={PROMPT}")
    page.get_by_role("heading", name="Generation", level=1).wait_for()
    for name, value in settings.items():
        field = page.get_by_label(name, exact=True)
        field.fill(str(value))
        field.press("Tab")
    page.locator(".filter_stages .rows button").first.wait_for()


def look_at(page, name):
    page.get_by_text(name, exact=True).click()


def chips(page):
    return page.locator(".filter_stages .chip:not(.off)")


def numbers(page):
    texts = page.locator(".rows button .number:last-child").all_inner_texts()
    return [0.0 if text == "<0.001" else float(text) for text in texts]


def test_every_stage_shows_the_probabilities_of_the_filters(page, server, glass):
    open_page(page, server, **SETTINGS)
    expect(chips(page)).to_have_text(
        ["logits", "temperature 0.5", "top-k 9", "top-p 0.7", "draw"]
    )
    model, tokenizer, _ = glass
    tokens = tokenizer.encode(PROMPT)
    draw = open_draw(model, tokens, GenerationConfig(**SETTINGS))
    shown = draw.shown(12)
    for place, stage in enumerate(draw.stages):
        expect(chips(page).nth(place)).to_have_attribute("aria-current", "step")
        own = [float(stage.probabilities[token]) for token in shown]
        assert numbers(page) == pytest.approx(own, abs=1.1e-3)
        page.get_by_role("button", name="Next ▶").click()
    winner = page.locator(".rows .won")
    expect(winner).to_have_count(1)
    expect(winner).to_contain_text(f"wait {draw.waits[draw.token]:.2f}")
    arrives = float(winner.locator(".number:last-child").inner_text())
    assert arrives == pytest.approx(float(draw.arrivals[draw.token]), abs=6e-3)
    line = page.get_by_test_id("stCode").filter(has_text="logits[0, ")
    value = float(line.inner_text().partition(" = ")[2].replace("−", "-"))
    logits = model(torch.tensor([tokens]))[0, -1]
    assert value == pytest.approx(float(logits[draw.token].detach()), abs=1e-3)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(page.locator(".filter_stages .written")).to_have_count(1)


def test_an_unlikely_token_is_forced_and_taken_back(page, server):
    open_page(page, server, seed=6)
    row = page.locator(".rows button").nth(9)
    piece = row.locator(".piece").inner_text()
    row.click()
    written = page.locator(".filter_stages .written")
    expect(written).to_have_text([piece])
    page.get_by_role("button", name="◀ Back").click()
    expect(written).to_have_count(0)
    # Back leads to the throw that the reader had overruled.
    expect(chips(page).last).to_have_attribute("aria-current", "step")


def test_play_writes_until_it_is_paused(page, server):
    open_page(page, server, seed=6, max_new_tokens=40)
    page.get_by_role("button", name="▶▶ Play").click()
    written = page.locator(".filter_stages .written")
    expect(written).to_have_count(1, timeout=20_000)
    page.get_by_role("button", name="❚❚ Pause").click()
    expect(page.get_by_role("button", name="▶▶ Play")).to_be_visible()


def test_text_and_curve_point_at_the_same_token(page, server, glass):
    open_page(page, server, seed=6, max_new_tokens=8)
    page.get_by_text("stop_at_eos").click()
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("8 tokens. Seed 6.").wait_for()
    curve = page.locator(".token_stream .lines svg")
    box = curve.bounding_box()
    curve.hover(position={"x": box["width"] - 20, "y": box["height"] / 2})
    model, tokenizer, _ = glass
    config = GenerationConfig(seed=6, max_new_tokens=8, stop_at_eos=False)
    alone = Generator(model, tokenizer).generate(PROMPT, config)
    caption = page.locator(".token_stream .caption")
    expect(caption).to_contain_text(f"surprise {-alone.log_probs[-1]:.2f}")
    expect(caption).to_contain_text("step 8 of 8")
    page.locator(".token_stream .token").nth(2).click()
    page.get_by_role("button", name="Open this draw").click()
    expect(page.locator(".filter_stages .written")).to_have_count(2)


def test_a_branch_of_the_tree_is_forced_with_a_click(page, server):
    open_page(page, server, seed=6, max_new_tokens=6)
    look_at(page, "20 continuations")
    page.get_by_role("button", name="Grow 20 continuations").click()
    nodes = page.locator(".continuation_tree .node")
    nodes.first.focus()
    expect(page.locator(".continuation_tree .caption")).to_contain_text(
        re.compile(r"\d+ of 20")
    )
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Back to the prompt").wait_for()
    look_at(page, "one token")
    expect(page.locator(".filter_stages .written").first).to_be_visible()


def test_a_list_of_prompts_is_written_and_taken_along(page, server):
    open_page(page, server, seed=6, max_new_tokens=6)
    look_at(page, "many prompts")
    field = page.get_by_label("Prompts", exact=True)
    field.fill("the cat\n<script>alert(1)</script>")
    field.press("Control+Enter")
    page.get_by_role("button", name="Continue all").click()
    page.get_by_text("2 of 2 prompts").wait_for()
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    table = waiting.value.path().read_text(encoding="utf-8")
    assert "<script>alert(1)</script>," in table
    assert len(table.splitlines()) >= 3


def test_the_cache_grows_by_a_token_and_its_time_is_measured(page, server, glass):
    link = f"{server.url}/generation?prompt={PROMPT}&generation_view=the cache"
    open_link(page, link)
    tokens = page.locator(".cache_growth .token")
    model, tokenizer, _ = glass
    count = len(tokenizer.encode(PROMPT))
    expect(tokens).to_have_count(count)
    expect(page.locator(".cache_growth .token.kept")).to_have_count(2)
    page.get_by_role("button", name="Next ▶").click()
    expect(page.locator(".cache_growth .token.kept")).to_have_count(3)
    config = model.config
    size = config.num_layers * config.kv_heads * config.d_head * 2 * 4
    work = page.locator(".cache_growth .work")
    expect(work).to_contain_text(f"{4 * size:,} bytes = 4 ×")
    expect(work).to_contain_text("4 with the cache, 10 without")
    page.get_by_role("button", name="Measure with and without the cache").click()
    chart = page.get_by_test_id("stVegaLiteChart")
    expect(chart).to_be_visible(timeout=30_000)
    page.reload()
    expect(tokens).to_have_count(count)
