"""The journey of a token: what is printed, what a click opens, what Space does."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

TITLE = "A language model you can see through"
PROMPT = "the cat"


@pytest.fixture
def cache(data):
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([tokenizer.encode(PROMPT)]))
    return cache


def open_home(page, server, query=f"prompt={PROMPT}"):
    open_link(page, f"{server.url}/?{query}")
    page.get_by_role("heading", name=TITLE).wait_for()
    page.locator(".journey .stream").first.wait_for()


def norm(value):
    """As it is printed: three digits."""
    length = float(value.norm())
    return f"{length:.0f}" if length >= 100 else f"{length:#.3g}"


def test_printed_norms_are_those_of_the_hooks(page, server, cache):
    open_home(page, server, f"prompt={PROMPT}&token=4")
    streams = ["blocks.0.hook_resid_pre"]
    added = []
    for layer in (0, 1):
        for part, stream in (("attn_out", "resid_mid"), ("mlp_out", "resid_post")):
            added.append(f"blocks.{layer}.hook_{part}")
            streams.append(f"blocks.{layer}.hook_{stream}")
    shown = page.locator(".journey .stream").all_text_contents()
    assert shown == [norm(cache[name][0, 4]) for name in streams]
    shown = page.locator(".journey .added").all_text_contents()
    assert shown == [f"+{norm(cache[name][0, 4])}" for name in added]


def test_space_goes_from_hook_to_hook_on_the_sheet_and_on_the_page(page, server):
    open_home(page, server)
    caption = page.locator(".journey .caption")
    page.locator(".journey .sheet").focus()
    page.keyboard.press("Space")
    expect(caption).to_contain_text("hook_embed [1, 7, 16]")
    page.keyboard.press("Space")
    expect(caption).to_contain_text("blocks.0.hook_attn_out [1, 7, 16]")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(caption).to_contain_text("blocks.0.hook_mlp_out [1, 7, 16]")
    page.locator(".journey .sheet").focus()
    page.keyboard.press("Escape")
    expect(caption).to_contain_text("Parts only add")


def test_hovering_says_the_hook_and_its_norm(page, server, cache):
    open_home(page, server)
    page.locator(".journey .attention .hot").nth(7 + 3).hover()  # block 1, token 3
    caption = page.locator(".journey .caption")
    expect(caption).to_contain_text("blocks.1.hook_attn_out [1, 7, 16]")
    expect(caption).to_contain_text("position 3")
    expect(caption).to_contain_text(f"adds {norm(cache['attn_out', 1][0, 3])}")


def test_clicking_a_predicted_token_appends_it_and_goes_round_again(page, server):
    open_home(page, server)
    choice = page.locator(".journey .choice").filter(has_not_text="<").first
    piece = choice.locator(".piece").text_content()
    choice.click()
    wanted = PROMPT + piece.replace("·", " ")
    page.wait_for_function(
        "wanted => new URLSearchParams(location.search).get('prompt') === wanted",
        arg=wanted,
    )
    expect(page.locator(".journey .row")).to_have_count(len(wanted))


def test_a_clicked_token_goes_along_to_other_pages(page, server):
    open_home(page, server)
    page.locator(".journey .row").nth(2).click(position={"x": 5, "y": 5})
    page.wait_for_function("() => location.search.includes('token=2')")
    page.get_by_test_id("stSidebarNav").get_by_text("Head explorer").click()
    page.get_by_role("heading", name=re.compile("^L0H0")).wait_for()
    expect(page.get_by_label("Token", exact=True)).to_have_value("2")
    assert parse_qs(urlsplit(page.url).query)["token"] == ["2"]
