"""Compare, as a person uses it: the numbers shown are those of both models' hooks."""

import re

import pytest
import torch
from navigation import open_link
from torch.nn import functional as F

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.differences.pattern_change import row_divergence

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite"


@pytest.fixture
def both(data):
    steps = data / "models/glass/checkpoints"
    return [load_checkpoint(steps / f"checkpoint_step_{step}") for step in (0, 100)]


def open_compare(page, server, query=""):
    link = f"{server.url}/compare?prompt={PROMPT}&read=Prompt&against_step=0{query}"
    open_link(page, link)
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.locator(".tinted_text .piece").first.wait_for()


def losses(loaded):
    tokens = torch.tensor([loaded.tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        logits, cache = loaded.model.run_with_cache(tokens)
    loss = F.cross_entropy(logits[0, :-1], tokens[0, 1:], reduction="none")
    return loss, torch.cat([cache["pattern", 0], cache["pattern", 1]]).numpy()


def test_a_pieces_change_of_loss_is_that_of_the_logits(page, server, both):
    open_compare(page, server)
    (old, _), (new, _) = map(losses, both)
    page.locator(".tinted_text .piece").nth(5).hover()
    caption = page.locator(".tinted_text .caption").first
    expect(caption).to_contain_text("nats")
    shown = re.search(r"([+−][\d.]+) nats", caption.inner_text())[1]
    change = float(new[4] - old[4])
    assert float(shown.replace("−", "-")) == pytest.approx(change, abs=6e-4)
    expect(caption).to_contain_text(f"loss {old[4]:.3f} → {new[4]:.3f}")


def test_a_click_opens_a_piece_and_asks_who_wrote_its_prediction(page, server):
    open_compare(page, server)
    page.locator(".tinted_text .piece").nth(5).click()
    page.get_by_text("loss[5] = ").wait_for()
    page.wait_for_function("() => location.search.includes('piece=5')")
    page.get_by_role("button", name="Which parts produced this prediction?").click()
    page.get_by_role("heading", name="Logit lens and attribution").wait_for()
    expect(page.get_by_label("Token", exact=True)).to_have_value("4")


def test_a_heads_cell_is_the_divergence_of_its_patterns_and_leads_to_it(
    page, server, both
):
    open_compare(page, server)
    (_, old), (_, new) = map(losses, both)
    expected = row_divergence(old, new)[:, :, 1:].mean(-1)
    cells = page.locator(".value_grid td")
    expect(cells).to_have_text([f"{bits:.2f}" for bits in expected.flatten()])
    cells.nth(3).click()
    page.get_by_role("button", name="Open L1H1 in the Head explorer").click()
    page.get_by_role("heading", name=re.compile("^L1H1")).wait_for()


def test_swapping_turns_the_sign(page, server):
    open_compare(page, server)
    piece = page.locator(".tinted_text .piece").nth(5)
    caption = page.locator(".tinted_text .caption").first
    piece.hover()
    before = re.search(r"[+−]\d\.\d+", caption.inner_text())[0]
    page.get_by_role("button", name="Swap").click()
    page.get_by_text("From glass at step 100 to glass at step 0").first.wait_for()
    page.mouse.move(0, 0)
    piece.hover()
    turned = {"+": "−", "−": "+"}[before[0]] + before[1:]
    expect(caption).to_contain_text(turned)
