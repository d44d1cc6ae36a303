"""The course: the path on Home, the way on, and progress kept and taken along."""

import json

import navigation
import pytest

LESSONS = [page for page in navigation.PAGES if page.aha]
ATTENTION = "pages/attention/attention.py"


def texts(app) -> str:
    return "\n".join(each.value for each in app.text)


def captions(app) -> str:
    return "\n".join(each.value for each in app.caption)


def links(app) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.label) for link in app.get("page_link")]


def answer(app, right: bool):
    """Answer the first question of Check with each option, until the verdict fits."""
    for option in app.radio[-1].options:
        app.radio[-1].set_value(app.radio[-1].options.index(option)).run()
        told = "\n".join(each.value for each in app.markdown)
        if ("✓" in told) == right:
            return
    pytest.fail("no such answer")


def test_home_shows_every_lesson_in_order_with_its_aha(open_page):
    app = open_page()
    path = [each for each in links(app) if "·" in each[1]]
    assert path == [
        (lesson.name, f"{number} · {lesson.title}")
        for number, lesson in enumerate(LESSONS, start=1)
    ]
    for lesson in LESSONS:
        assert lesson.aha in captions(app)
    assert (LESSONS[0].name, f"Begin: {LESSONS[0].title}") in links(app)


def test_every_page_is_a_file_of_a_name_of_its_own_and_lessons_say_one_line(
    root_on_path,
):
    names = [page.name for page in navigation.PAGES]
    assert len(set(names)) == len(names)
    for page in navigation.PAGES:
        assert (root_on_path / page.path).is_file()
        assert len(page.aha) <= 70


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_lesson_leads_to_the_next(lesson, open_page):
    place = LESSONS.index(lesson) + 1
    shown = links(open_page(lesson.path, prompt="the cat"))
    expected = [
        (each.name, f"Next lesson: {each.title} →")
        for each in LESSONS[place : place + 1]
    ]
    assert [each for each in shown if each[1].startswith("Next lesson")] == expected


def test_what_was_opened_and_answered_stands_on_home(open_page):
    app = open_page(ATTENTION, prompt="the cat")
    answer(app, right=True)
    asked = len(app.session_state["_progress"].lessons["attention"])
    app.switch_page("pages/home/home.py").run()
    assert f"1 of {len(LESSONS)} lessons opened · 1 of {asked} questions" in captions(
        app
    )
    assert f"**1 of {asked} right.** A row is" in captions(app)
    assert ("attention", "Continue: Attention, step by step") in links(app)


def test_a_finished_lesson_is_left_for_the_next(root_on_path):
    from pages.frame.progress import CourseProgress

    done = CourseProgress({"attention": {"attention.a": True}}, here="attention")
    assert done.next_lesson().name == "block"
    asked = CourseProgress({"attention": {"attention.a": None}}, here="attention")
    assert asked.next_lesson().name == "attention"
    all_done = CourseProgress({lesson.name: {} for lesson in LESSONS}, here="attention")
    assert all_done.next_lesson() is None


def test_progress_survives_as_a_file(root_on_path):
    from pages.frame.progress import CourseProgress, from_json, to_json

    found = CourseProgress(
        {"attention": {"a.one": True, "a.two": None}, "home": {}}, "block"
    )
    assert from_json(to_json(found).encode()) == found


GOOD = {"minigpt_progress": 1, "here": None, "lessons": {"attention": {"a": True}}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lessons": {"atention": {}}}, "'attention'"),
        ({"lessons": {"attention": {"a": "yes"}}}, "lessons.attention.a"),
        ({"lessons": {"attention": {"a": 1}}}, "lessons.attention.a"),
        ({"lessons": {"attention": {"<b>": True}}}, "lessons.attention"),
        ({"lessons": []}, "lessons"),
        ({"minigpt_progress": 2}, "minigpt_progress"),
        ({"more": 1}, "more"),
    ],
)
def test_a_file_that_is_not_exactly_progress_is_refused(change, told, root_on_path):
    from minigpt.errors import DataError
    from pages.frame.progress import from_json

    assert from_json(json.dumps(GOOD).encode()).right("attention") == 1
    with pytest.raises(DataError, match=told):
        from_json(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"x" * 70_000, b"{"])
def test_what_is_no_json_is_refused(content, root_on_path):
    from minigpt.errors import DataError
    from pages.frame.progress import from_json

    with pytest.raises(DataError):
        from_json(content)


def test_a_file_is_taken_and_a_broken_one_is_said(open_page):
    app = open_page()
    app.file_uploader[0].upload(
        "minigpt-progress.json", json.dumps(GOOD).encode(), "application/json"
    ).run()
    assert "**1 of 1 right.** A row is" in captions(app)
    app.file_uploader[0].upload("other.json", b"{}", "application/json").run()
    assert "not saved progress" in texts(app)
    assert "**1 of 1 right.** A row is" in captions(app)


def test_starting_over_forgets_the_answers_on_the_page_too(open_page):
    app = open_page(prompt="the cat")
    answer(app, right=True)
    next(button for button in app.button if button.label == "Start over").click().run()
    assert all(radio.value is None for radio in app.radio)
    assert app.session_state["_progress"].right("home") == 0
    assert not app.exception


@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.name)
def test_every_page_shows_its_source_and_every_lesson_asks(page, open_page):
    app = open_page(page.path, prompt="the cat sat. the cat")
    assert not app.exception
    assert any(each.label == "Show the source" for each in app.expander)
    # Training asks about a run, and there is none yet.
    if page in LESSONS and page.name != "training":
        asked = [radio for radio in app.radio if str(radio.key).startswith("_answer_")]
        assert len(asked) >= 3
