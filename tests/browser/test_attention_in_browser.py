"""A reader steps through a row, opens a cell, moves a weight: the numbers are real."""

import math
import re

import pytest
import torch

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "a red kite"
LAYER, HEAD, QUERY = 1, 0, 7
LINK = f"/attention?prompt={PROMPT}&layer={LAYER}&head={HEAD}&token={QUERY}"


@pytest.fixture
def hooks(data):
    """Return the model, the tokens and what its hooks held."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    model.eval().requires_grad_(False)
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    return model, tokens, model.run_with_cache(tokens)[1]


def open_page(page, server):
    page.goto(server.url + LINK)
    page.get_by_role("heading", name="Attention, step by step", level=1).wait_for()
    page.locator(".attention_steps .sheet").wait_for()


def numbers(texts):
    return [float(text.replace("−", "-")) for text in texts if text]


def row(page, title):
    line = page.locator(".sheet tbody tr").filter(has=page.get_by_text(title))
    return line.first.locator("td")


def step_to(page, title):
    while page.locator(".step[aria-current=step]").inner_text() != title:
        page.get_by_role("button", name="Next ▶").click()


def test_every_number_of_the_sheet_is_the_tensors(page, server, hooks):
    open_page(page, server)
    _, _, cache = hooks
    assert row(page, "softmax").first.inner_text() != ""
    page.keyboard.press("Space")
    expect(page.locator(".step[aria-current=step]")).to_have_text("q · k")
    step_to(page, "softmax")
    k, q = cache["k", LAYER][0, :, HEAD], cache["q", LAYER][0, QUERY, HEAD]
    raw = k @ q
    assert numbers(row(page, "q · k").all_inner_texts()) == pytest.approx(
        raw.tolist(), abs=6e-3
    )
    scaled = numbers(row(page, "÷ √8").all_inner_texts())
    assert scaled == pytest.approx((raw / math.sqrt(8)).tolist(), abs=6e-3)
    weights = cache["pattern", LAYER][0, HEAD, QUERY, : QUERY + 1]
    shown = row(page, "softmax")
    assert numbers(shown.all_inner_texts()) == pytest.approx(weights.tolist(), abs=6e-4)
    # What comes later is hatched, not zero.
    for cells in (row(page, "mask"), shown):
        expect(cells.nth(QUERY + 1)).to_have_class(re.compile("masked"))
        expect(cells.nth(QUERY)).not_to_have_class(re.compile("masked"))


def test_an_open_cell_shows_its_products_and_where_they_come_from(page, server, hooks):
    open_page(page, server)
    _, _, cache = hooks
    step_to(page, "q · k")
    row(page, "q · k").nth(3).click()
    q, k = cache["q", LAYER][0, QUERY, HEAD], cache["k", LAYER][0, 3, HEAD]
    lines = page.locator(".bench tr")
    for line, values in zip(range(3), (q, k, q * k), strict=True):
        cells = lines.nth(line).locator("td:not(.total)")
        assert numbers(cells.all_inner_texts()) == pytest.approx(
            values.tolist(), abs=6e-3
        )
    total = lines.nth(2).locator(".total").inner_text().replace("=", "")
    assert numbers([total]) == pytest.approx([float(q @ k)], abs=6e-3)
    name = f"blocks.{LAYER}.attn.hook_attn_scores[0, {HEAD}, {QUERY}, 3]"
    traced = page.get_by_test_id("stCode").filter(has_text=name)
    traced.wait_for()
    value = float(traced.inner_text().partition(" = ")[2].replace("−", "-"))
    expected = float(cache["attn_scores", LAYER][0, HEAD, QUERY, 3])
    assert value == pytest.approx(expected, abs=1e-3)


def test_a_click_on_a_token_lets_it_read(page, server):
    open_page(page, server)
    page.locator(".sheet .token").nth(4).click()
    page.wait_for_function("new URLSearchParams(location.search).get('token') === '4'")
    expect(page.locator(".token.reads")).to_have_text("d")
    expect(page.get_by_label("Token", exact=True)).to_have_value("4")


def test_the_sheet_is_walked_with_the_keyboard(page, server):
    open_page(page, server)
    step_to(page, "softmax")
    page.locator(".token.reads").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    opened = page.locator(".sheet td[aria-selected=true]")
    expect(opened).to_have_text(row(page, "q · k").nth(QUERY - 1).inner_text())
    expect(page.locator(".attention_steps .caption")).to_contain_text("Esc closes")
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)


def test_a_weight_is_moved_and_row_and_prediction_follow(page, server, hooks):
    open_page(page, server)
    model, tokens, cache = hooks
    step_to(page, "softmax")
    row(page, "softmax").nth(2).click()
    page.get_by_test_id("stCode").filter(has_text=f"{QUERY}, 2]").wait_for()
    slider = page.get_by_role("slider", name="Weight of")
    slider.fill("0.8")
    weights = cache["pattern", LAYER][0, HEAD, QUERY].clone()
    rest = (1 - 0.8) / (1 - weights[2])
    weights *= rest
    weights[2] = 0.8
    said = page.get_by_text(re.compile(r"^KL \d\.\d+ nats here"))
    said.wait_for()
    shown = numbers(row(page, "changed").all_inner_texts())
    assert shown == pytest.approx(weights[: QUERY + 1].tolist(), abs=6e-4)

    def put(pattern, hook):
        pattern = pattern.clone()
        pattern[0, HEAD, QUERY] = weights
        return pattern

    name = f"blocks.{LAYER}.attn.hook_pattern"
    after = model.run_with_hooks(tokens, [(name, put)])[0, QUERY].log_softmax(-1)
    before = model(tokens)[0, QUERY].log_softmax(-1)
    kl = float((before.exp() * (before - after)).sum())
    assert float(said.inner_text().split()[1]) == pytest.approx(kl, abs=6e-4)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".sheet .changed")).to_be_hidden()
