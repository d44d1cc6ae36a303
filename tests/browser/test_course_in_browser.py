"""The course in a browser: shared links, a printed lesson, answers on the path."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import navigation
import pytest

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite"


def test_a_shared_link_opens_the_view_and_what_it_hides_stays_hidden(page, server):
    navigation.visit(page, server.url, page_named("head_explorer"), prompt=PROMPT)
    page.get_by_label("Layer", exact=True).fill("1")
    page.get_by_label("Layer", exact=True).press("Enter")
    page.get_by_role("heading", name=re.compile("^L1H0")).wait_for()
    page.get_by_role("button", name="Share").click()
    shared = page.get_by_test_id("stPopoverBody")
    shared.get_by_role("button", name="Prompt").click()
    shared.get_by_role("button", name="Sidebar").click()
    address = shared.get_by_test_id("stCode")
    expect(address).to_contain_text("hide=sidebar,prompt")
    link = address.inner_text().replace("\n", "").strip()
    asked = parse_qs(urlsplit(link).query)
    assert asked["layer"] == ["1"]
    assert asked["prompt"] == [PROMPT]
    page.goto("about:blank")
    navigation.open_link(page, link)
    page.get_by_role("heading", name=re.compile("^L1H0")).wait_for()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    prompt = page.locator(".st-key-prompt")
    prompt.wait_for(state="attached")
    expect(prompt).to_be_hidden()
    expect(prompt.locator("input")).to_have_value(PROMPT)
    page.get_by_role("link", name="Next lesson").click()
    page.get_by_role("heading", name="Logit lens", level=1).wait_for()
    navigation.settle(page)
    expect(prompt).to_be_hidden()
    assert parse_qs(urlsplit(page.url).query)["hide"] == ["sidebar,prompt"]


def test_an_answer_is_marked_on_the_path_at_home(page, server):
    navigation.visit(page, server.url, page_named("attention"), prompt=PROMPT)
    question = page.locator("[class*=st-key-check_]").first
    question.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    question.get_by_text(re.compile("^[✓✗]")).wait_for()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").click()
    path = page.locator(".st-key-lesson_of_attention")
    expect(path).to_contain_text(re.compile(r"[01] of \d right"))
    page.get_by_role("link", name="Continue: Attention").click()
    page.get_by_role("heading", name="Attention, step by step", level=1).wait_for()


@pytest.mark.parametrize("name", ["attention", "head_explorer"])
def test_a_lesson_prints_on_two_pages_at_most(name, page, server, tmp_path):
    navigation.visit(page, server.url, page_named(name), prompt=PROMPT)
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print this lesson").click()
    assert page.evaluate("window.printed")
    path = tmp_path / "lesson.pdf"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        navigation.stand_still(page)
        page.pdf(path=path, prefer_css_page_size=True, print_background=True)
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", path.read_bytes())) <= 2


def test_a_lesson_can_be_taken_along_as_a_file(page, server, tmp_path):
    navigation.visit(page, server.url, page_named("attention"), prompt=PROMPT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Take it with you").click()
    assert download.value.suggested_filename == "glass-attention.html"
    download.value.save_as(tmp_path / "lesson.html")
    text = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    data = re.findall('<script type="application/json"[^>]*>(.*?)</script>', text)
    settings = json.loads(data[0])
    assert (settings["lesson"], settings["prompt"]) == ("attention", PROMPT)


def test_on_paper_questions_are_blank_and_controls_are_gone(page, server):
    navigation.visit(page, server.url, page_named("attention"), prompt=PROMPT)
    question = page.locator("[class*=st-key-check_]").first
    question.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    verdict = question.get_by_text(re.compile("^[✓✗]"))
    verdict.wait_for()
    page.emulate_media(media="print")
    expect(verdict).to_be_hidden()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_label("Prompt", exact=True)).to_be_hidden()
    expect(page.get_by_role("button", name="Code")).to_be_hidden()
    foot = page.locator(".st-key-print_only")
    expect(foot).to_contain_text(f"Prompt: {PROMPT}")
    expect(foot).to_contain_text(f"{server.url}/attention?model=glass")
    expect(question).to_be_visible()


def page_named(name: str):
    return next(page for page in navigation.PAGES if page.name == name)
