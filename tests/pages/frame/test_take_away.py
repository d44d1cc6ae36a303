"""The button that writes a lesson as a file: where it is, and where it says why not."""

from minigpt.lesson_file.contents import LESSONS
from pages.frame import course


def buttons(app) -> list:
    found = app.get("download_button")
    return [each.proto for each in found if each.proto.label == "Take it with you"]


def test_a_lesson_with_a_file_has_the_button_and_the_others_have_none(open_page):
    app = open_page("pages/attention/attention.py", prompt="the cat")
    (button,) = buttons(app)
    assert not button.disabled
    assert "without a network" in button.help
    app.switch_page("pages/block/block.py").run()
    assert buttons(app) == []
    app.switch_page("pages/home/home.py").run()
    assert len(buttons(app)) == 1


def test_of_an_mlp_the_button_says_why_there_is_no_file(open_page):
    (button,) = buttons(open_page("pages/generation/generation.py", model="mlp"))
    assert button.disabled
    assert "an MLP without any" in button.help


def test_the_lessons_of_a_file_are_pages_of_the_course():
    pages = {lesson.name for lesson in (course.HOME, *course.LESSONS)}
    assert set(LESSONS) <= pages
