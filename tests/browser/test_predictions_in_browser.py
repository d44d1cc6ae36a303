"""A prediction covers the figure, uncovers it, and outlives the tab it was made in."""

import pytest
from navigation import open_link
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def covering_server(data, chromium_program, serve_app):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_COVER", "on")
        with serve_app(data) as running:
            yield running


def guess(page) -> None:
    page.locator("[class*=st-key-predict_] [role=radiogroup] label").first.click()


def verdict(page):
    return page.locator("[class*=st-key-predict_]").get_by_text("You said")


def test_the_figure_comes_with_the_guess(page, covering_server):
    open_link(page, f"{covering_server.url}/attention?prompt=the+red+kite&token=5")
    expect(page.get_by_text("once you have made your prediction")).to_be_visible()
    expect(page.locator(".attention_steps")).to_have_count(0)
    guess(page)
    expect(page.locator(".attention_steps")).to_be_visible()
    expect(verdict(page)).to_be_visible()


def test_an_answer_outlives_a_reload_and_a_closed_tab(page, covering_server):
    open_link(page, f"{covering_server.url}/attention?prompt=the+red+kite&token=5")
    guess(page)
    said = verdict(page).inner_text()
    page.wait_for_function(
        "() => (localStorage.getItem('minigpt-progress') ?? '').includes('\"said\"')"
    )
    page.reload()
    expect(verdict(page)).to_have_text(said)
    other = page.context.new_page()
    page.close()
    open_link(other, f"{covering_server.url}/attention")
    expect(verdict(other)).to_have_text(said)
    open_link(other, covering_server.url)
    expect(other.get_by_role("link", name="Continue: Attention")).to_be_visible()


def test_starting_over_clears_the_browsers_memory_too(page, covering_server):
    open_link(page, f"{covering_server.url}/attention?prompt=the+red+kite&token=5")
    guess(page)
    expect(verdict(page)).to_be_visible()
    page.get_by_role("link", name="Home").click()
    page.get_by_role("button", name="Progress").click()
    page.get_by_role("button", name="Start over").click()
    page.wait_for_function(
        "() => !(localStorage.getItem('minigpt-progress') ?? 'strongest')"
        ".includes('strongest')"
    )
    open_link(page, f"{covering_server.url}/attention?prompt=the+red+kite&token=5")
    expect(page.get_by_text("once you have made your prediction")).to_be_visible()


def test_the_switch_in_the_sidebar_shows_figures_at_once(page, covering_server):
    open_link(page, f"{covering_server.url}/attention?prompt=the+red+kite&token=5")
    page.get_by_text("once you have made your prediction").wait_for()
    page.get_by_text("Predict before you see").click()
    expect(page.locator(".attention_steps")).to_be_visible()
    page.get_by_text("Predict before you see").click()
    expect(page.locator(".attention_steps")).to_have_count(0)
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator(".attention_steps")).to_be_visible()
    expect(page.get_by_text("You asked to be shown")).to_be_visible()
