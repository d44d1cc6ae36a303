"""Home's close-up, gone into and out of by click, wheel and keys."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


@pytest.fixture
def figure(page, server):
    page.emulate_media(reduced_motion="no-preference")
    page.goto(f"{server.url}/?prompt=the red kite")
    figure = page.locator(".zoom")
    figure.locator(".row").first.wait_for()
    figure.scroll_into_view_if_needed()
    return figure


def path(figure) -> str:
    return " ".join(figure.locator(".path").inner_text().split())


def expect_path(figure, *names: str) -> None:
    expect(figure.locator(".path strong")).to_have_text(names[-1])
    assert path(figure) == " › ".join(names)


def test_clicks_lead_to_one_product_and_the_path_leads_back(figure):
    figure.get_by_role("button", name="+ attention 1").click()
    expect_path(figure, "text", "“e”", "block 1")
    figure.get_by_role("button", name="+ head 0").click()
    expect_path(figure, "text", "“e”", "block 1", "head 0")
    figure.locator(".rows [role=button]").nth(2).click()
    expect_path(figure, "text", "“e”", "block 1", "head 0", "“e” · “e”")
    expect(figure.locator(".row")).to_have_count(3)
    figure.get_by_role("button", name="block 1").click()
    expect_path(figure, "text", "“e”", "block 1")
    figure.get_by_role("button", name="text").click()
    expect_path(figure, "text")
    figure.locator(".rows [role=button]").nth(4).click()
    expect_path(figure, "text", "“r”")


def test_the_wheel_zooms_once_the_figure_was_clicked_and_scrolls_before(figure):
    page = figure.page
    row = figure.get_by_role("button", name="+ MLP 0")
    row.hover()
    main = page.get_by_test_id("stMain")
    before = main.evaluate("node => node.scrollTop")
    page.mouse.wheel(0, -80)
    page.wait_for_function(
        "top => document.querySelector('[data-testid=stMain]').scrollTop < top",
        arg=before,
    )
    assert path(figure) == "text › “e”"
    figure.locator(".rows").focus()
    figure.get_by_role("button", name="+ MLP 0").hover()
    page.mouse.wheel(0, -80)
    expect_path(figure, "text", "“e”", "block 0")
    page.mouse.wheel(0, 80)
    expect_path(figure, "text", "“e”")


def test_keys_go_along_the_rows_in_and_out(figure):
    page = figure.page
    figure.locator(".rows").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect_path(figure, "text", "“e”", "block 0")
    page.keyboard.press("Escape")
    expect_path(figure, "text", "“e”")
    page.keyboard.press("Escape")
    expect_path(figure, "text")
