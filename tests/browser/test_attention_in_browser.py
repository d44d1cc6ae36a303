"""A reader steps through a row, opens a cell, moves a weight: the numbers are real."""

import math
import re

import pytest
import torch
from navigation import open_link

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
    open_link(page, server.url + LINK)
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
    page.wait_for_function(
        "() => new URLSearchParams(location.search).get('token') === '4'"
    )
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
    said = page.get_by_text(re.compile(r"^The prediction changes by KL \d\.\d+ nats"))
    said.wait_for()
    shown = numbers(row(page, "weight set").all_inner_texts())
    assert shown == pytest.approx(weights[: QUERY + 1].tolist(), abs=6e-4)

    def put(pattern, hook):
        pattern = pattern.clone()
        pattern[0, HEAD, QUERY] = weights
        return pattern

    name = f"blocks.{LAYER}.attn.hook_pattern"
    after = model.run_with_hooks(tokens, [(name, put)])[0, QUERY].log_softmax(-1)
    before = model(tokens)[0, QUERY].log_softmax(-1)
    kl = float((before.exp() * (before - after)).sum())
    assert float(said.inner_text().partition("KL ")[2].split()[0]) == pytest.approx(
        kl, abs=6e-4
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".sheet .weighed")).to_be_hidden()


def test_one_number_of_the_query_is_multiplied_out(page, server, hooks):
    open_page(page, server)
    model, _, cache = hooks
    query = cache["q", LAYER][0, QUERY, HEAD]
    at = int(query.abs().argmax())
    weight = model.blocks[LAYER].attn.qkv.weight[HEAD * 8 + at].tolist()
    lines = page.locator(".bench tr")
    expect(lines.nth(1).locator("th")).to_have_text(f"× row {at} of W_Q")
    shown = numbers(lines.nth(1).locator("td:not(.more)").all_inner_texts())
    assert shown == pytest.approx([*weight[:5], *weight[-2:]], abs=6e-3)
    total = lines.nth(2).locator(".total").inner_text().rpartition("=")[2]
    assert numbers([total]) == pytest.approx([float(query[at])], abs=6e-3)


def test_the_divisor_moves_every_row_below_and_then_the_model(page, server, hooks):
    open_page(page, server)
    _, _, cache = hooks
    step_to(page, "÷ √8")
    slider = page.get_by_role("slider", name="Divide q · k by")
    slider.fill("1")
    raw = cache["k", LAYER][0, :, HEAD] @ cache["q", LAYER][0, QUERY, HEAD]
    weights = raw[: QUERY + 1].softmax(-1)
    # A click on the pill, or a slider at 1, is the same: the step is left out.
    page.wait_for_function(
        "() => new URLSearchParams(location.search).get('left_out') === '÷ √d'"
    )
    for title in ("q · k", "÷ √8"):
        shown = numbers(row(page, title).all_inner_texts())
        assert shown == pytest.approx(raw.tolist(), abs=6e-3)
    shown = numbers(row(page, "softmax").all_inner_texts())
    assert shown == pytest.approx(weights.tolist(), abs=6e-4)
    before = numbers(row(page, "before").all_inner_texts())
    own = cache["pattern", LAYER][0, HEAD, QUERY, : QUERY + 1]
    assert before == pytest.approx(own.tolist(), abs=6e-4)
    step_to(page, "Σ weight · v")
    z = weights @ cache["v", LAYER][0, : QUERY + 1, HEAD]
    last = page.locator(".bench tr").last.locator("td")
    assert numbers(last.all_inner_texts()) == pytest.approx(z.tolist(), abs=6e-3)
    page.reload()
    expect(page.locator(".sheet .left_out")).to_have_count(1)


def test_the_slow_motion_ends_in_the_sum_with_and_without_motion(page, server, hooks):
    open_page(page, server)
    _, _, cache = hooks
    step_to(page, "q · k")
    for key, motion in ((3, "reduce"), (2, "no-preference")):
        page.emulate_media(reduced_motion=motion)
        row(page, "q · k").nth(key).click()
        page.get_by_role("button", name="▶ Slow motion").click()
        page.get_by_role("button", name="▶ Again").wait_for()
        raw = float(cache["k", LAYER][0, key, HEAD] @ cache["q", LAYER][0, QUERY, HEAD])
        shown = page.locator(".motion output").inner_text().rpartition("sum ")[2]
        assert numbers([shown]) == pytest.approx([raw], abs=6e-3)
        expect(page.locator(".motion .met")).to_have_count(8)


def test_the_token_that_reads_stays_in_sight(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    open_link(page, server.url + LINK.replace(PROMPT, PROMPT * 6).replace("=7", "=50"))
    page.locator(".attention_steps .sheet").wait_for()
    for place in (0, 10_000):
        page.locator(".attention_steps .stage").evaluate(
            "(stage, left) => { stage.scrollLeft = left; }", place
        )
        stage = page.locator(".attention_steps .stage").bounding_box()
        asks = page.locator(".token.reads").bounding_box()
        assert asks["x"] >= stage["x"]
        assert asks["x"] + asks["width"] <= stage["x"] + stage["width"] + 1
