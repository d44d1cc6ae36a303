"""A newcomer finds the evidence for every Check on the screen of its lesson.

Not part of every run: it opens all lessons and answers every question in a browser.
The table is printed by `python tests/browser/reading/newcomer.py`.
"""

import os

import navigation
import pytest

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.walk, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def covering(data, chromium_program, serve_app):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_COVER", "on")
        with serve_app(data) as running:
            yield running


NEED_MORE = ("training", "finetuning", "chat")
"""Lessons that ask once there is a run or a conversation."""


@pytest.mark.parametrize(
    "lesson",
    [each for each in navigation.PAGES if each.name not in NEED_MORE],
    ids=lambda lesson: lesson.name,
)
def test_the_evidence_for_every_check_is_on_the_screen(lesson, page, covering):
    from browser.reading.newcomer import Newcomer  # reads with Playwright

    found = list(Newcomer(page, covering.url).lesson(lesson, prompt="the red kite"))
    assert found, "this lesson asks nothing"
    missing = [str(each) for each in found if not each.where]
    assert missing == [], os.linesep.join(missing)
