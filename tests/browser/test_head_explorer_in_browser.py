"""The Head explorer under mouse and keyboard: the numbers read are the hooks' own."""

import re

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite the red"
LEFT, TOP = 28.8, 21.6  # of the grid's thumbnails: the names of layers and heads


def open_explorer(page, server, **query: str) -> None:
    link = "&".join(f"{key}={value}" for key, value in query.items())
    open_link(page, f"{server.url}/head_explorer?prompt={PROMPT}&{link}")
    page.locator(".attention_heatmap .caption").first.wait_for()
    page.locator(".head_grid .caption").wait_for()


def patterns(data) -> torch.Tensor:
    """Return the hook's own weights on the prompt, [layer head q_pos k_pos]."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        tokens = torch.tensor([tokenizer.encode(PROMPT)])
        _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
    return torch.cat(list(cache.values()))


def thumbnail(page, layer: int, head: int) -> dict[str, float]:
    """Return where one of the 2 × 2 thumbnails lies on the grid's canvas."""
    box = page.locator(".head_grid .stage > canvas").bounding_box()
    return {
        "x": LEFT + (head + 0.45) * (box["width"] - LEFT) / 2,
        "y": TOP + (layer + 0.4) * (box["height"] - TOP) / 2,
    }


def test_hovering_tells_scores_without_asking_the_server(page, server, data):
    frames = []
    page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda _: frames.append(1)),
    )
    open_explorer(page, server)
    page.get_by_role("heading", name="Check").wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for()
    previous = patterns(data).diagonal(-1, dim1=-2, dim2=-1).mean(-1)
    frames.clear()
    canvas = page.locator(".head_grid .stage > canvas")
    for layer in range(2):
        for head in range(2):
            canvas.hover(position=thumbnail(page, layer, head))
            score = f"{previous[layer, head]:.3f}"
            expect(page.locator(".head_grid .caption")).to_contain_text(
                f"L{layer}H{head} · previous token {score}"
            )
            expect(page.locator(".magnifier")).to_be_visible()
    box = page.locator(".attention_heatmap canvas").first.bounding_box()
    for step in range(12):
        page.mouse.move(box["x"] + 20 * step, box["y"] + 20 * step)
    assert frames == []


def test_a_click_opens_a_head_and_its_cells_are_the_hooks_own(page, server, data):
    open_explorer(page, server)
    canvas = page.locator(".head_grid .stage > canvas")
    canvas.click(position=thumbnail(page, 1, 1))
    page.get_by_role("heading", name=re.compile("^L1H1")).wait_for()
    row = patterns(data)[1, 1, -1]
    caption = page.locator(".attention_heatmap .caption")
    expect(caption).to_contain_text(f"with weight {row.max():.3f}")
    line = page.get_by_test_id("stCode").filter(has_text="hook_pattern").first
    expect(line).to_contain_text(f"= {row.max():.4f}")


def expect_everywhere(page, data, layer: int, head: int) -> None:
    """Expect one head in its name, map, line, fields and tab, and in the address."""
    weight = patterns(data)[layer, head, -1].max()
    name = re.compile(f"^L{layer}H{head} ")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    caption = page.locator(".attention_heatmap .caption")
    expect(caption).to_contain_text(f"with weight {weight:.3f}")
    line = page.get_by_test_id("stCode").filter(has_text="hook_pattern").first
    expect(line).to_contain_text(f"blocks.{layer}.attn.hook_pattern[0, {head}, ")
    expect(line).to_contain_text(f"= {weight:.4f}")
    expect(page.get_by_label("Layer", exact=True)).to_have_value(str(layer))
    expect(page.get_by_label("Head", exact=True)).to_have_value(str(head))
    expect(page.get_by_text(f"L{layer}H{head}:", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"(?=.*layer={layer})(?=.*head={head})"))


def test_a_click_reaches_all_that_tells_of_a_head(page, server, data):
    open_explorer(page, server)
    canvas = page.locator(".head_grid .stage > canvas")
    canvas.click(position=thumbnail(page, 1, 1))
    expect_everywhere(page, data, 1, 1)
    page.reload()
    expect_everywhere(page, data, 1, 1)


def test_of_quick_clicks_the_last_one_counts_everywhere(page, server, data):
    open_explorer(page, server)
    canvas = page.locator(".head_grid .stage > canvas")
    canvas.click(position=thumbnail(page, 0, 1))
    canvas.click(position=thumbnail(page, 1, 0))
    canvas.click(position=thumbnail(page, 1, 1))
    expect_everywhere(page, data, 1, 1)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    expect_everywhere(page, data, 1, 1)


def test_the_keyboard_alone_opens_a_head_and_locks_a_cell(page, server, data):
    open_explorer(page, server)
    page.locator(".head_grid .stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("^L1H0")).wait_for()
    page.locator(".attention_heatmap .stage").focus()
    start = int(patterns(data)[1, 0, -1].argmax())
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    weight = patterns(data)[1, 0, -2, start]
    line = page.get_by_test_id("stCode").filter(has_text=f", 18, {start}]").first
    expect(line).to_contain_text(f"= {weight:.4f}")


def test_two_pinned_heads_stand_side_by_side(page, server, data):
    open_explorer(page, server, layer="0", head="1")
    page.get_by_role("button", name="Pin", exact=True).click()
    page.locator(".head_grid .stage > canvas").click(position=thumbnail(page, 1, 0))
    page.get_by_role("button", name="L0H1 · pinned").wait_for()
    page.get_by_role("button", name="L1H0", exact=True).wait_for()
    maps = page.locator(".attention_heatmap .caption")
    expect(maps).to_have_count(3)
    for place, (layer, head) in ((1, (0, 1)), (2, (1, 0))):
        weight = patterns(data)[layer, head, -1].max()
        expect(maps.nth(place)).to_contain_text(f"with weight {weight:.3f}")


def test_all_heads_of_the_layer_are_drawn_as_lines_at_once(page, server):
    open_explorer(page, server)
    page.get_by_role("radio", name="Lines").or_(
        page.get_by_role("button", name="Lines")
    ).first.click()
    switches = page.locator(".head_lines button")
    expect(switches.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(switches.nth(1)).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="all", exact=True).click()
    for place in range(3):
        expect(switches.nth(place)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="all", exact=True).click()
    expect(switches.nth(1)).to_have_attribute("aria-pressed", "false")


def test_examples_and_cut_show_numbers_of_the_model(page, server):
    open_explorer(page, server, layer="1")
    page.get_by_role("tab", name="In its corpus").click()
    rows = page.locator(".reading_examples li")
    expect(rows).to_have_count(4 + 4 + 10)
    expect(rows.first).to_contain_text(re.compile(r"reads .+ \d\.\d{3}"))
    page.get_by_role("tab", name="Without it").click()
    page.get_by_text(re.compile(r"[+-]0\.\d{3} without L1H0")).wait_for()
