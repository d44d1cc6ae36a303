"""A reader learns a prompt: every button answers, and Space takes a step."""

import re

import pytest
from navigation import open_link

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "a+red+kite"
AGAIN = "5 Again and again"


def open_page(page, server, **query):
    asked = "".join(f"&{key}={value}" for key, value in query.items())
    open_link(page, f"{server.url}/learning?prompt={PROMPT}{asked}")
    page.get_by_role("heading", name="How a weight learns", level=1).wait_for()


def look_at(page, view):
    page.locator(".st-key-learning_view").get_by_role("radio", name=view).click()


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def taken(page, count):
    return page.get_by_text(re.compile(rf"^Steps taken: {count}\."))


def test_every_button_takes_steps_or_takes_them_back(page, server):
    open_page(page, server, learning_view=AGAIN)
    taken(page, 0).wait_for()
    before = taken(page, 0).inner_text()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    press(page, "Repeat the step")
    taken(page, 1).wait_for()
    press(page, "Ten more")
    taken(page, 11).wait_for()
    press(page, "Undo")
    taken(page, 10).wait_for()
    press(page, "Start over")
    expect(taken(page, 0)).to_have_text(before)
    # On the button that was pressed last, Space would press it once more.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    taken(page, 1).wait_for()
    page.reload()
    taken(page, 1).wait_for()


def test_a_cell_of_the_matrix_opens_its_arithmetic(page, server):
    open_page(page, server, learning_view="3 One step")
    grids = page.locator(".value_grid")
    expect(grids).to_have_count(4)
    cell = grids.nth(1).get_by_role("gridcell").nth(8)
    cell.click()
    expect(grids.nth(3).get_by_role("gridcell").nth(8)).to_have_attribute(
        "aria-selected", "true"
    )
    row = grids.nth(0).locator("tbody th").nth(1).inner_text()
    column = grids.nth(0).locator("thead th").nth(3).inner_text()
    page.get_by_text(f"row {row}, column {column}: one step of SGD").wait_for()
    page.locator(".st-key-optimizer").get_by_role("radio", name="AdamW").click()
    page.get_by_text("one step of AdamW").wait_for()
    page.get_by_test_id("stCode").filter(has_text="m = β₁ · m").wait_for()


def test_a_cell_of_the_gradient_is_traced(page, server):
    open_page(page, server, learning_view="2 The gradient")
    page.locator(".value_grid").get_by_role("gridcell").first.click()
    traced = page.get_by_test_id("stCode").filter(has_text="hook_embed_grad[0, 0, ")
    traced.wait_for()
    page.get_by_role("button", name="Where does this number come from?").click()
    page.get_by_text("gradient of the stream here").first.wait_for()


def test_every_view_is_shown(page, server):
    open_page(page, server)
    page.get_by_text(re.compile("^loss = ")).wait_for()
    look_at(page, "4 Its size")
    page.get_by_text("by the slope, the loss should change").wait_for()
    look_at(page, AGAIN)
    taken(page, 0).wait_for()
    look_at(page, "1 The loss")
    page.get_by_text(re.compile("^loss = ")).wait_for()
