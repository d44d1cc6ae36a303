"""A lesson file in a learning platform: a page that keeps what it is told."""

import json
import re

import pytest
from lesson_file.answers import answer
from lesson_file.test_file import checkpoint_of

from minigpt.lesson_file.document import lesson_file

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

SITE = "http://platform.test"
PLATFORM = """<!doctype html><script>
const kept = JSON.parse(localStorage.kept ?? "{}");
const calls = [];
let state = "new";
window.API = {
  LMSInitialize(none) { return this.log("Initialize", () => {
    if (state !== "new" || none !== "" || location.hash === "#refuses") return "false";
    state = "open";
    return "true"; }); },
  LMSGetValue(name) { return state === "open" ? kept[name] ?? "" : ""; },
  LMSSetValue(name, value) { return this.log(`${name}=${value}`, () => {
    if (state !== "open" || typeof value !== "string" || location.hash === "#full")
      return "false";
    kept[name] = value;
    return "true"; }); },
  LMSCommit(none) { return this.log("Commit", () => {
    localStorage.kept = JSON.stringify(kept);
    return String(state === "open" && none === ""); }); },
  LMSFinish(none) { return this.log("Finish", () => {
    localStorage.kept = JSON.stringify(kept);
    state = "finished";
    return "true"; }); },
  log(call, act) { calls.push(call); return act(); },
};
</script><iframe src="lesson.html" title="Lesson" width="900" height="700"></iframe>"""
TABS = ["Heads", "Journey", "Generation", "Beam search", "Tokenizer", "Logit lens"]


@pytest.fixture
def platform(chromium):
    """Return a function that opens the lesson inside the platform."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    context = chromium.new_context()
    file = lesson_file(checkpoint_of(), name="mine", prompt="the cat sat on the ma")
    bodies = {"/": PLATFORM, "/lesson.html": file}
    errors = []
    context.route(
        re.compile(SITE),
        lambda route: route.fulfill(
            body=bodies[route.request.url.removeprefix(SITE)], content_type="text/html"
        ),
    )
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))

    def visit(end: str = ""):
        page.goto("about:blank")
        page.goto(f"{SITE}/{end}")
        frame = page.frame_locator("iframe")
        frame.locator("main[data-ready]").wait_for()
        return page, frame

    yield visit
    context.close()
    assert errors == []


def kept(page) -> dict[str, str]:
    values = page.evaluate("JSON.parse(localStorage.kept)")
    return {name.removeprefix("cmi."): value for name, value in values.items()}


def test_a_lesson_is_left_resumed_and_completed_when_its_questions_are_answered(
    platform,
):
    from playwright.sync_api import expect

    page, frame = platform()
    note = frame.get_by_role("status")
    expect(note).to_have_text(re.compile("^0 of 6 questions .* platform has it"))
    right = [answer(frame, tab)[1] for tab in TABS[:2]]
    expect(note).to_contain_text(f"2 of 6 questions answered, {sum(right)} right.")
    page.evaluate("document.querySelector('iframe').remove()")
    assert page.evaluate("calls.at(-1)") == "Finish"
    left = kept(page)
    assert (left["core.lesson_status"], left["core.exit"]) == ("incomplete", "suspend")
    assert left["core.score.raw"] == str(round(100 * sum(right) / 6))
    assert json.loads(left["suspend_data"]) == dict(
        zip(("head_explorer", "home"), right, strict=True)
    )
    assert re.fullmatch(r"0000:00:\d\d\.\d\d", left["core.session_time"])

    page, frame = platform()
    note = frame.get_by_role("status")
    expect(note).to_contain_text("What you answered the last time counts as it was.")
    answer(frame, "Heads")  # once more: the first answer counts
    right += [answer(frame, tab)[1] for tab in TABS[2:]]
    expect(note).to_contain_text(f"All 6 questions answered, {sum(right)} right")
    done = kept(page)
    assert done["core.lesson_status"] == "completed"
    assert done["core.score.raw"] == str(round(100 * sum(right) / 6))
    assert (done["core.score.min"], done["core.score.max"]) == ("0", "100")
    assert done["core.exit"] == ""


@pytest.mark.parametrize(
    ("end", "told"),
    [("#refuses", "did not open a session"), ("#full", "did not take it")],
)
def test_a_platform_that_keeps_nothing_is_said_and_the_lesson_goes_on(
    platform, end, told
):
    from playwright.sync_api import expect

    _, frame = platform(end)
    expect(frame.get_by_role("status")).to_contain_text(told)
    answer(frame, "Tokenizer")
    expect(frame.locator(".verdict:visible")).not_to_be_empty()


def test_without_a_platform_nothing_is_said_of_one(platform):
    page, _ = platform()
    page.goto(f"{SITE}/lesson.html")
    page.locator("main[data-ready]").wait_for()
    assert page.get_by_role("status").count() == 0
