"""A result is handed in: from the disk, over plain HTTP, in another site's frame."""

import re

import pytest
from lesson_file.answers import answer
from lesson_file.test_file import checkpoint_of, parts
from lesson_file.test_in_browser import AXE, SERIOUS

from minigpt.errors import DataError
from minigpt.lesson_file.document import lesson_file
from minigpt.lesson_file.handed_in import check, key_of, verified

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

WORD, KEY = "hedgehog", key_of("hedgehog")
COURSE = """<!doctype html><script>
const heard = [];
addEventListener("message", ({ data, origin }) => heard.push({ ...data, origin }));
</script><iframe src="http://files.test/lesson.html" title="Lesson"></iframe>"""


@pytest.fixture(scope="module")
def file():
    return lesson_file(checkpoint_of(), name="mine", prompt="the cat sat on the ma")


@pytest.fixture
def page(chromium):
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    context = chromium.new_context()
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text))
    yield page
    context.close()
    assert errors == []


def hand_in(frame, name: str) -> str:
    """Make a code, and return it."""
    frame.get_by_label("Your name").fill(name)
    frame.get_by_label("The class’s word").fill(WORD)
    frame.get_by_role("button", name="Make the code").press("Enter")
    return frame.get_by_label("Your code").input_value()


def test_what_was_answered_is_signed_and_a_change_of_it_is_seen(
    page, file, tmp_path, pytestconfig
):
    from playwright.sync_api import expect

    place = tmp_path / "lesson.html"
    place.write_text(file, encoding="utf-8")
    page.goto(place.as_uri())
    page.locator("main[data-ready]").wait_for()
    items = []
    for tab, lesson in [("Tokenizer", "tokenizer"), ("Journey", "home")]:
        given, is_right = answer(page, tab)
        items.append({"answer": given, "lesson": lesson, "right": is_right})
    box = page.locator(".hand_in")
    box.locator("summary").press("Enter")
    box.get_by_role("button", name="Make the code").press("Enter")
    expect(box).to_contain_text("Write your name.")
    code = hand_in(page, " Ann <b> ")
    right = sum(item["right"] for item in items)
    expect(box).to_contain_text(f"Ann <b>: {right} of 6 right. 4 not answered yet")

    result = verified(code, KEY)
    assert result.name == "Ann <b>"
    assert (result.score.right, result.score.asked) == (right, 6)
    assert [item.model_dump() for item in result.items] == items
    assert result.lesson == "head_explorer"
    assert f'"model_hash": "{result.model}"' in parts(file)["settings"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", result.time)
    with pytest.raises(DataError, match="altered"):
        verified(code.replace(".e", ".f", 1), KEY)

    with page.expect_download() as waited:
        box.get_by_role("link", name="Download").click()
    assert waited.value.suggested_filename == "Ann-b-result.txt"
    content = waited.value.path().read_text(encoding="utf-8")
    assert [each.result for each in check([("file", content)], WORD)] == [result]
    axe = pytestconfig.rootpath / AXE
    if axe.is_file():
        page.evaluate(axe.read_text(encoding="utf-8"))
        assert page.evaluate(SERIOUS) == []


@pytest.mark.parametrize("policy", ["", "no-referrer"])
def test_the_page_around_a_lesson_gets_the_code_and_is_named_before(page, file, policy):
    from playwright.sync_api import expect

    bodies = {"http://course.test/": COURSE, "http://files.test/lesson.html": file}
    page.route(
        re.compile("http://"),
        lambda route: route.fulfill(
            body=bodies[route.request.url],
            content_type="text/html",
            headers={"Referrer-Policy": policy} if policy else {},
        ),
    )
    page.goto("http://course.test/")
    frame = page.frame_locator("iframe")
    frame.locator("main[data-ready]").wait_for()
    box = frame.locator(".hand_in")
    box.locator("summary").press("Enter")
    expect(box.get_by_text("in a page of http://course.test")).to_be_visible()
    assert page.evaluate("heard") == []
    code = hand_in(frame, "Bob")
    expect(box).to_contain_text("http://course.test was given the code.")
    page.wait_for_function("heard.length")
    (heard,) = page.evaluate("heard")
    assert (heard["type"], heard["code"]) == ("minigpt-result", code)
    assert heard["origin"] == "http://files.test"
    assert verified(code, KEY).model_dump() == heard["result"]


def test_a_page_around_a_lesson_whose_site_cannot_be_told_gets_nothing(
    page, file, tmp_path
):
    from playwright.sync_api import expect

    (tmp_path / "lesson.html").write_text(file, encoding="utf-8")
    course = tmp_path / "course.html"
    course.write_text(COURSE.replace("http://files.test/", ""), encoding="utf-8")
    page.goto(course.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("main[data-ready]").wait_for()
    box = frame.locator(".hand_in")
    box.locator("summary").press("Enter")
    expect(box.get_by_text("Nobody else is told")).to_be_visible()
    assert verified(hand_in(frame, "Bob"), KEY).name == "Bob"
    expect(box).to_contain_text("Bob: 0 of 6 right. 6 not answered yet")
    assert page.evaluate("heard") == []
