"""What a reader does: open a link, click a head, go from page to page."""

import re
from urllib.parse import parse_qs, urlsplit

import navigation
import pytest

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


def query(page) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}


def wait_for_query(page, **wanted: str) -> None:
    page.wait_for_function(
        """wanted => {
            const now = new URLSearchParams(location.search);
            return Object.entries(wanted).every(([k, v]) => now.get(k) === v);
        }""",
        arg=wanted,
    )


def open_page(page, server, path: str, title: str) -> None:
    navigation.open_link(page, server.url + path)
    page.get_by_role("heading", name=title, level=1).wait_for()


def test_the_selection_is_kept_from_page_to_page(page, server):
    open_page(page, server, "/?prompt=the red kite&step=10", "A language model")
    sidebar = page.get_by_test_id("stSidebarNavItems")
    sidebar.get_by_role("link", name="Head explorer").click()
    page.get_by_role("heading", name="Head explorer").wait_for()
    wait_for_query(page, prompt="the red kite", step="10")
    navigation.click_thumbnail(page, 1, 1)
    wait_for_query(page, layer="1", head="1")
    page.get_by_role("link", name="Generation").click()
    page.get_by_role("heading", name="Generation").wait_for()
    wait_for_query(page, prompt="the red kite", step="10")
    sidebar = page.get_by_test_id("stSidebarNavItems")
    sidebar.get_by_role("link", name="Head explorer").click()
    page.get_by_role("heading", name=re.compile("^L1H1")).wait_for()
    wait_for_query(page, layer="1", head="1", prompt="the red kite")


def test_a_link_opens_exactly_the_view_it_was_copied_from(page, server):
    link = "/head_explorer?prompt=the cat&layer=1&token=2&step=0"
    open_page(page, server, link, "Head explorer")
    page.get_by_role("heading", name=re.compile("^L1H0")).wait_for()
    expect(page.get_by_label("Token", exact=True)).to_have_value("2")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("the cat")
    assert page.get_by_role("dialog").count() == 0
    names = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    assert [name.split("\n")[-1] for name in names] == [
        each.title for each in navigation.PAGES
    ]


def test_clicking_an_alternative_forces_it_and_the_text_goes_on(page, server):
    open_page(page, server, "/generation?prompt=the cat", "Generation")
    page.get_by_label("max_new_tokens", exact=True).fill("15")
    page.get_by_label("max_new_tokens", exact=True).press("Tab")
    page.get_by_text("stop_at_eos").click()
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("15 tokens.").wait_for()
    tokens = page.locator(".token_stream .token")
    expect(tokens).to_have_count(15)
    before = tokens.all_inner_texts()[:3]
    tokens.nth(3).click()
    rows = page.locator(".token_stream button.row:enabled")
    wanted = rows.nth(2).locator(".piece").inner_text()
    rows.nth(2).click()
    page.wait_for_function(
        """wanted => {
            const shown = document.querySelectorAll(".token_stream .token");
            const roots = [...document.querySelectorAll("*")]
                .filter(node => node.shadowRoot)
                .flatMap(node => [...node.shadowRoot.querySelectorAll(".token")]);
            const tokens = shown.length ? [...shown] : roots;
            return tokens.length === 15 && tokens[3].textContent === wanted;
        }""",
        arg=wanted,
    )
    expect(tokens.nth(2)).to_have_text(before[2])
    assert tokens.all_inner_texts()[:3] == before


def test_a_long_text_can_be_stopped(page, server):
    open_page(page, server, "/generation?prompt=the cat", "Generation")
    page.get_by_label("max_new_tokens", exact=True).fill("20000")
    page.get_by_label("max_new_tokens", exact=True).press("Tab")
    page.get_by_text("stop_at_eos").click()
    page.get_by_role("button", name="Generate").click()
    navigation.press_stop(page)
    page.get_by_text(re.compile(r"Stopped after \d+ tokens")).wait_for()


def test_present_mode_hides_the_sidebar_and_comes_from_the_url(page, server):
    open_page(page, server, "/head_explorer?present=1", "Head explorer")
    page.get_by_test_id("stSidebar").wait_for(state="hidden")
    size = page.evaluate("getComputedStyle(document.documentElement).fontSize")
    assert float(size.removesuffix("px")) >= 20
    page.get_by_role("button", name="✕").click()
    page.get_by_test_id("stSidebar").wait_for(state="visible")
    assert "present" not in query(page)
