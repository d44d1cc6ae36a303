"""A reader follows one token through a block: the sums on the screen add up."""

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "a red kite"
LAYER, TOKEN = 1, 6


@pytest.fixture
def cache(data):
    """Return what the hooks held, the heads' results too."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        return model.run_with_cache(tokens, lambda name: True)[1]


def open_page(page, server):
    open_link(page, f"{server.url}/block?prompt={PROMPT}&layer={LAYER}&token={TOKEN}")
    page.get_by_role("heading", name="Multi-head and block", level=1).wait_for()
    page.locator(".residual_block .panel").wait_for()


def go_to(page, name):
    page.locator(".residual_block").get_by_role("button", name=name).click()


def number(text):
    return float(text.replace("−", "-").split()[-1])


def shown_rows(page):
    """Return name → the numbers printed and the length, of the panel's table."""
    found = {}
    for line in page.locator(".numbers tr").all():
        cells = line.locator("td:not(.more):not(.total)").all_inner_texts()
        length = number(line.locator(".total").inner_text())
        found[line.locator("th").inner_text()] = ([*map(number, cells)], length)
    return found


def first_and_last(vector):
    return [*vector[:5].tolist(), *vector[-2:].tolist()]


def assert_row(row, vector):
    printed, length = row
    assert printed == pytest.approx(first_and_last(vector), abs=6e-3)
    assert length == pytest.approx(float(vector.norm()), abs=6e-3)


def test_what_the_heads_write_adds_up_on_the_screen(page, server, cache):
    open_page(page, server)
    results, out = cache["result", LAYER][0, TOKEN], cache["attn_out", LAYER][0, TOKEN]
    go_to(page, "The heads")
    lengths = page.locator(".head .length").all_inner_texts()
    assert [number(text) for text in lengths] == pytest.approx(
        results.norm(dim=-1).tolist(), abs=6e-3
    )
    go_to(page, "Concatenation")
    rows = shown_rows(page)
    for head in range(2):
        assert_row(rows[f"L{LAYER}H{head} writes"], results[head])
    assert_row(rows["= attention"], out)
    assert_row(rows["bias"], out - results.sum(0))


def test_the_stream_is_added_to_and_the_neurons_are_real(page, server, cache):
    open_page(page, server)
    for _ in range(4):
        page.keyboard.press("Space")
    rows = shown_rows(page)
    assert_row(rows["stream"], cache["resid_pre", LAYER][0, TOKEN])
    assert_row(rows["+ attention"], cache["attn_out", LAYER][0, TOKEN])
    assert_row(rows["= stream"], cache["resid_mid", LAYER][0, TOKEN])
    go_to(page, "The norm before the MLP")
    scale = float(cache["scale", LAYER, "ln2"][0, TOKEN])
    caption = page.locator(".residual_block .caption strong").inner_text()
    assert number(caption) == pytest.approx(scale, abs=6e-3)
    go_to(page, "The MLP's neurons")
    post = cache["post", LAYER][0, TOKEN]
    for line in page.locator(".neurons tbody tr").all():
        neuron = int(line.locator("th").inner_text())
        activation = number(line.locator("td").first.inner_text())
        assert activation == pytest.approx(float(post[neuron]), abs=6e-3)
    first = page.locator(".neurons tbody tr").first
    assert int(first.locator("th").inner_text()) == int(post.abs().argmax())


def test_the_norm_shown_is_the_one_that_the_heads_read(page, server, data):
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        cache = model.run_with_cache(tokens)[1]
        x = model.blocks[LAYER].ln1(cache["resid_pre", LAYER])[0, TOKEN]
    open_page(page, server)
    go_to(page, "The norm before attention")
    rows = shown_rows(page)
    assert_row(rows[next(name for name in rows if name.endswith("= x"))], x)


def test_a_number_that_is_clicked_is_traced_and_a_head_is_chosen(page, server, cache):
    open_page(page, server)
    go_to(page, "Concatenation")
    page.locator(".numbers tr").nth(1).locator("td").nth(2).click()
    name = f"blocks.{LAYER}.attn.hook_result[0, {TOKEN}, 1, 2]"
    traced = page.get_by_test_id("stCode").filter(has_text=name)
    traced.wait_for()
    value = number(traced.inner_text())
    expected = float(cache["result", LAYER][0, TOKEN, 1, 2])
    assert value == pytest.approx(expected, abs=1e-3)
    go_to(page, "The heads")
    page.locator(".head").nth(1).click()
    expect(page.get_by_label("Head", exact=True)).to_have_value("1")
    expect(page.locator(".head").nth(1)).to_have_attribute("aria-pressed", "true")
