"""The button that writes a lesson as a file: where it is, and where it says why not."""

from minigpt.lesson_file.contents import LESSONS
from pages.frame import course


def buttons(app) -> list:
    found = app.get("download_button")
    labels = ("Take it with you", "For a learning platform")
    return [each.proto for each in found if each.proto.label in labels]


def test_a_lesson_with_a_file_has_the_button_and_the_others_have_none(open_page):
    app = open_page("pages/attention/attention.py", prompt="the cat")
    button, package = buttons(app)
    assert not button.disabled
    assert not package.disabled
    assert "without a network" in button.help
    assert "SCORM 1.2" in package.help
    app.switch_page("pages/block/block.py").run()
    assert buttons(app) == []
    app.switch_page("pages/home/home.py").run()
    assert len(buttons(app)) == 2


def test_of_an_mlp_the_button_says_why_there_is_no_file(open_page):
    found = buttons(open_page("pages/generation/generation.py", model="mlp"))
    assert len(found) == 2
    for button in found:
        assert button.disabled
        assert "kind mlp has none" in button.help


def test_the_lessons_of_a_file_are_pages_of_the_course():
    pages = {lesson.name for lesson in (course.HOME, *course.LESSONS)}
    assert set(LESSONS) <= pages
