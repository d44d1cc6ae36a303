"""What a person does with the components, done in a real browser.

Geometry: on a wide and tall page a heat map's cells are 56 px and the grid's thumbnails
112 px, and both end at the canvas's right edge; the tests measure from there.
"""

import io
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit_server import serve_script

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
GALLERY = runpy.run_path(str(HERE / "gallery_data.py"))
PIECES = GALLERY["PIECES"]
PATTERNS = GALLERY["made_up_patterns"](len(PIECES), 3, 4)
VALUES = GALLERY["made_up_values"](3, len(PIECES))


@pytest.fixture(scope="module")
def address(chromium_program, tmp_path_factory) -> Iterator[str]:
    """Serve the gallery on a free port."""
    log = tmp_path_factory.mktemp("gallery") / "server.log"
    with serve_script(HERE / "gallery_app.py", log) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def visit(address, page):
    """Return a function that opens one view of the gallery."""

    def go(show: str, *, scheme: str = "light", width: int = 1280):
        page.set_viewport_size({"width": width, "height": 1500})
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{address}/?show={show}")
        last = "stream" if show == "all" else show.partition("&")[0]
        page.get_by_text(f"{last} says").wait_for()
        page.locator(".caption").first.wait_for()
        return page

    return go


def told(page, text: str) -> None:
    """Wait until Python says that it was told this."""
    playwright.expect(page.get_by_text(text, exact=True)).to_be_visible()


def caption(page, text: str) -> None:
    playwright.expect(page.locator(".caption")).to_contain_text(text)


def cell_place(page, row: int, column: int) -> dict[str, float]:
    box = page.locator(".attention_heatmap canvas").bounding_box()
    corner = box["width"] - 2 - 56 * len(PIECES)
    return {"x": corner + 56 * (column + 0.5), "y": corner + 56 * (row + 0.5)}


def thumbnail_place(page, layer: int, head: int) -> dict[str, float]:
    box = page.locator(".head_grid .stage > canvas").bounding_box()
    return {
        "x": box["width"] - (4 - head) * 117 + 56,
        "y": box["height"] - (3 - layer) * 126 + 56,
    }


def test_a_thumbnail_is_magnified_under_the_pointer_and_selected_by_a_click(visit):
    page = visit("grid")
    canvas = page.locator(".head_grid .stage > canvas")
    canvas.hover(position=thumbnail_place(page, 1, 2))
    peak = PATTERNS.max(-1).mean(-1)[1, 2]
    caption(page, f"L1H2 · peak {peak:.3f}")
    playwright.expect(page.locator(".magnifier")).to_be_visible()
    canvas.click(position=thumbnail_place(page, 1, 2))
    told(page, "grid says (1, 2)")


def test_heads_are_chosen_with_the_keyboard_alone(visit):
    page = visit("grid")
    page.locator(".head_grid .stage").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    caption(page, "L2H1")
    page.keyboard.press("Enter")
    told(page, "grid says (2, 1)")


def test_hovering_a_cell_tells_the_tensors_own_weight(visit):
    page = visit("heatmap")
    canvas = page.locator(".attention_heatmap canvas")
    for row, column in ((5, 4), (7, 2), (9, 9)):
        canvas.hover(position=cell_place(page, row, column))
        caption(page, f"with weight {PATTERNS[0, 1, row, column]:.3f}")
    canvas.hover(position=cell_place(page, 2, 5))
    caption(page, "·sat may not read ·it")


def test_a_click_locks_a_cell_and_escape_clears_it(visit):
    page = visit("heatmap")
    canvas = page.locator(".attention_heatmap canvas")
    canvas.click(position=cell_place(page, 5, 1))
    told(page, "heatmap says (5, 1)")
    page.mouse.move(5, 5)
    caption(page, "·it reads ·cat")
    page.locator(".attention_heatmap .stage").focus()
    page.keyboard.press("ArrowDown")
    caption(page, "·was reads ·cat")
    page.keyboard.press("Enter")
    told(page, "heatmap says (6, 1)")
    page.keyboard.press("Escape")
    told(page, "heatmap says None")


def test_the_browser_rounds_no_weight_otherwise_than_python(visit):
    page = visit("heatmap")
    page.locator(".attention_heatmap .stage").focus()
    page.keyboard.press("ArrowUp")
    for row in range(len(PIECES) - 1, -1, -1):
        caption(page, f"with weight {PATTERNS[0, 1, row, 0]:.3f}")
        page.keyboard.press("ArrowUp")


def test_lines_say_what_a_token_reads_and_who_reads_it(visit):
    page = visit("lines")
    tokens = page.locator(".head_lines rect.token")
    tokens.nth(5).hover()
    most = PATTERNS[0, 1, 5].max()
    read = '<b>&"'
    caption(page, f"·it reads {read} with weight {most:.3f}")
    tokens.nth(len(PIECES)).hover()
    caption(page, f"The is read by The with weight {PATTERNS[0, 1, 0, 0]:.3f}")
    tokens.nth(5).click()
    told(page, "lines says 5")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    told(page, "lines says 6")
    page.keyboard.press("Escape")
    told(page, "lines says None")


def value_cell(page, row: int, column: int):
    return page.locator(".value_grid td").nth(row * len(PIECES) + column)


def test_every_cell_of_a_value_grid_prints_its_number_and_says_it_in_words(visit):
    page = visit("values")
    printed = page.locator(".value_grid td").all_inner_texts()
    wanted = [f"{value:.2f}" for value in VALUES.flat]
    assert printed == ["0.00", *wanted[1:-1], ""]
    value_cell(page, 1, 4).hover()
    caption(page, f'layer 1, <b>&": logit {VALUES[1, 4]:.4f}')
    value_cell(page, 2, 9).hover()
    caption(page, "layer 2, .: nothing here")


def test_a_cell_of_a_value_grid_is_locked_by_click_or_keyboard(visit):
    page = visit("values")
    value_cell(page, 0, 3).click()
    told(page, "values says (0, 3)")
    page.mouse.move(5, 5)
    caption(page, "locked, Esc clears")
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    playwright.expect(value_cell(page, 1, 4)).to_be_focused()
    caption(page, 'layer 1, <b>&"')
    page.keyboard.press("Enter")
    told(page, "values says (1, 4)")
    playwright.expect(value_cell(page, 1, 4)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    playwright.expect(value_cell(page, 1, 9)).to_be_focused()
    page.keyboard.press("Escape")
    told(page, "values says None")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_every_shade_of_a_value_grid_can_be_read(visit, scheme):
    page = visit("values", scheme=scheme)

    def luminance(colour: str) -> float:
        shares = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        low, high = shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
        return float(np.where(shares <= 0.03928, low, high) @ (0.2126, 0.7152, 0.0722))

    colours = page.locator(".value_grid td:not(.masked)").evaluate_all(
        "cells => cells.map(getComputedStyle).map(s => [s.color, s.backgroundColor])"
    )
    assert len({ground for _, ground in colours}) > 10
    for pair in colours:
        darker, lighter = sorted(map(luminance, pair))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_a_large_value_grid_scrolls_inside_itself_under_its_headings(visit):
    page = visit("values&size=60", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cell = page.locator(".value_grid td").nth(40 * 60 + 50)
    cell.focus()
    heading = page.locator(".value_grid thead th").nth(51).bounding_box()
    box = cell.bounding_box()
    assert heading["y"] + heading["height"] <= box["y"]
    assert abs(heading["x"] - box["x"]) <= 2
    assert page.evaluate("window.scrollY") == 0


def test_pieces_of_markup_stay_text(visit):
    page = visit("pieces")
    playwright.expect(page.locator(".piece").nth(4)).to_have_text('<b>&"')
    assert page.locator(".token_pieces b").count() == 0
    page = visit("stream")
    playwright.expect(page.locator(".token").nth(3)).to_have_text("<i>")
    assert page.locator(".token_stream i").count() == 0


def test_a_piece_tells_its_id_and_is_selected_by_click_or_keyboard(visit):
    page = visit("pieces")
    pieces = page.locator(".piece")
    pieces.nth(1).hover()
    caption(page, "·cat · id 144 · position 1")
    pieces.nth(1).click()
    page.keyboard.press("ArrowRight")  # before the page has answered
    told(page, "pieces says 1")
    page.keyboard.press("Enter")
    told(page, "pieces says 2")
    page.keyboard.press("Escape")
    told(page, "pieces says None")


def test_a_generated_token_opens_its_alternatives(visit):
    page = visit("stream")
    page.locator(".token").nth(1).click()
    told(page, "stream says 1")
    rows = page.locator("button.row")
    playwright.expect(rows).to_have_count(5)
    playwright.expect(rows.nth(2)).to_contain_text("·other2")
    playwright.expect(rows.nth(2)).to_contain_text("0.172")
    playwright.expect(rows.nth(4)).to_contain_text("removed")
    playwright.expect(rows.nth(0)).to_be_disabled()


def test_an_alternative_can_be_forced(visit):
    page = visit("stream")
    page.locator(".token").nth(1).click()
    told(page, "stream says 1")
    page.locator("button.row").nth(2).click()
    told(page, "forced (1, 102)")


def test_generated_tokens_are_walked_with_the_keyboard(visit):
    page = visit("stream")
    page.locator(".token").nth(5).focus()
    page.keyboard.press("ArrowLeft")
    caption(page, "·ran came with probability 0.120")
    page.keyboard.press("Enter")
    told(page, "stream says 4")


def test_every_view_is_dark_and_not_blank_in_the_dark_theme(visit):
    page = visit("all", scheme="dark")
    for view in page.locator(".view").all():
        picture = Image.open(io.BytesIO(view.screenshot())).convert("L")
        levels = np.asarray(picture)
        assert np.median(levels) < 90
        assert levels.max() > 180
        assert levels.std() > 8


@pytest.mark.parametrize(("scheme", "is_light"), [("light", False), ("dark", True)])
def test_more_weight_is_more_ink_on_paper_and_more_light_in_the_dark(
    visit, scheme, is_light
):
    page = visit("heatmap", scheme=scheme)
    canvas = page.locator(".attention_heatmap canvas")
    place = cell_place(page, 0, 0)  # The first token can only read itself: weight 1.
    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("L")
    level = picture.getpixel((int(place["x"]) - 20, int(place["y"]) - 20))
    assert (level > 200) if is_light else (level < 60)


def test_every_view_fits_the_width_of_a_phone(visit):
    page = visit("all", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in page.locator(".view, .view canvas:visible, .view svg").all():
        box = part.bounding_box()
        assert box["x"] + box["width"] <= 390


def test_every_view_has_a_name_for_those_who_do_not_see_it(visit):
    page = visit("all")
    views = page.locator(".view").all()
    assert len(views) == 6
    for view in views:
        named = view.locator("[aria-label][role]").first
        assert re.search(r"[Aa]rrow keys", named.get_attribute("aria-label"))
        assert view.locator("[aria-live=polite]").count() == 1
