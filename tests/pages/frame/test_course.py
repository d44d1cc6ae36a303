"""The course: the path on Home, the way on, and progress kept and taken along."""

import json
from datetime import UTC, datetime, timedelta

import navigation
import pytest

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)

LESSONS = [page for page in navigation.PAGES if page.aha]
ATTENTION = "pages/attention/attention.py"


def texts(app) -> str:
    return "\n".join(each.value for each in app.text)


def captions(app) -> str:
    return "\n".join(each.value for each in app.caption)


def links(app) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.label) for link in app.get("page_link")]


def answer_right(app, lesson: str) -> None:
    """Answer questions, and new ones after wrong answers, until one is right."""
    for _ in range(12):
        app.radio[-1].set_value(0).run()
        if app.session_state["_progress"].right(lesson):
            return
        another = [each for each in app.button if each.label == "Another one like it"]
        another[-1].click().run()
    pytest.fail("no answer was right")


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
    answer_right(app, "attention")
    asked = len(app.session_state["_progress"].lessons["attention"])
    app.switch_page("pages/home/home.py").run()
    assert f"1 of {len(LESSONS)} lessons opened · 1 of {asked} questions" in captions(
        app
    )
    assert f"**1 of {asked} right.** Attention is" in captions(app)
    assert ("attention", "Continue: Attention, step by step") in links(app)


def given(right=True, item="0123456789ab", is_prediction=False, at=NOON):
    from pages.frame.progress import Answer

    return Answer(
        item=item,
        question="Which?",
        said="this",
        answer="this" if right else "that",
        why="So it is.",
        right=right,
        is_prediction=is_prediction,
        at=at,
    )


def progress_of(lessons, here=None):
    from pages.frame.progress import CourseProgress

    return CourseProgress(lessons, here)


def test_a_finished_lesson_is_left_for_the_next(root_on_path):
    done = progress_of({"attention": {"attention.a": [given()]}}, "attention")
    assert done.next_lesson().name == "block"
    asked = progress_of({"attention": {"attention.a": []}}, "attention")
    assert asked.next_lesson().name == "attention"
    all_done = progress_of({lesson.name: {} for lesson in LESSONS}, "attention")
    assert all_done.next_lesson() is None


def test_a_wrong_prediction_finishes_a_lesson_and_a_wrong_check_does_not(root_on_path):
    guess = {"attention.a": [given(right=False, is_prediction=True)]}
    assert progress_of({"attention": guess}).is_done("attention")
    wrong = {"attention.a": [given(right=False)]}
    assert not progress_of({"attention": wrong}).is_done("attention")
    second = {"attention.a": [given(right=False), given(item="ab" * 6)]}
    assert progress_of({"attention": second}).is_done("attention")


def test_a_lesson_is_due_after_a_day_and_after_a_week(root_on_path):
    found = progress_of({"attention": {"attention.a": [given()]}})

    def due_after(**time) -> bool:
        return bool(found.due(NOON + timedelta(**time)))

    assert (due_after(hours=23), due_after(hours=24)) == (False, True)
    found.reviews["attention"] = [NOON + timedelta(days=1)]
    assert (due_after(days=6), due_after(days=7)) == (False, True)
    found.reviews["attention"].append(NOON + timedelta(days=7))
    assert not due_after(days=300)


def test_what_two_tabs_know_is_joined_and_the_first_answer_leads(root_on_path):
    early, late = given(right=False), given(item="ab" * 6, at=NOON + timedelta(1))
    one = progress_of({"attention": {"attention.a": [late]}}, "block")
    one.take_over(
        progress_of({"attention": {"attention.a": [early]}, "block": {}}, "home")
    )
    assert one.lessons == {"attention": {"attention.a": [early, late]}, "block": {}}
    assert one.here == "block"


def test_progress_survives_as_a_file(root_on_path):
    from pages.frame.progress_file import from_json, to_json

    found = progress_of({"attention": {"a.one": [given()], "a.two": []}}, "block")
    found.place = {"prompt": "the cat", "layer": "1"}
    found.reviews = {"attention": [NOON]}
    assert from_json(to_json(found).encode()) == found


ANSWER = {
    "item": "0123456789ab",
    "question": "Which?",
    "said": "![](http://example.org)",
    "answer": "this",
    "why": "",
    "right": True,
    "is_prediction": False,
    "at": "2026-11-27T12:00:00Z",
}
GOOD = {
    "minigpt_progress": 2,
    "here": None,
    "place": {},
    "lessons": {"attention": {"attention.mask": [ANSWER]}},
    "reviews": {},
}


def with_answer(**change) -> dict:
    return {"lessons": {"attention": {"attention.mask": [ANSWER | change]}}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lessons": {"atention": {}}}, "'attention'"),
        ({"reviews": {"atention": []}}, "'attention'"),
        (with_answer(right="maybe"), "lessons.attention.attention.mask"),
        (with_answer(item="<b>"), "lessons.attention.attention.mask"),
        (with_answer(why="x" * 3000), "lessons.attention.attention.mask"),
        (with_answer(more=1), "lessons.attention.attention.mask"),
        ({"lessons": {"attention": {"<b>": []}}}, "lessons.attention"),
        ({"lessons": []}, "lessons"),
        ({"place": {"prompt": 1}}, "place.prompt"),
        ({"minigpt_progress": 1}, "minigpt_progress"),
        ({"more": 1}, "more"),
    ],
)
def test_a_file_that_is_not_exactly_progress_is_refused(change, told, root_on_path):
    from minigpt.errors import DataError
    from pages.frame.progress_file import from_json

    assert from_json(json.dumps(GOOD).encode()).right("attention") == 1
    with pytest.raises(DataError, match=told):
        from_json(json.dumps(GOOD | change).encode())


def test_what_a_file_says_is_shown_as_plain_text(open_page):
    app = open_page()
    app.file_uploader[0].upload(
        "minigpt-progress.json", json.dumps(GOOD).encode(), "application/json"
    ).run()
    app.switch_page(ATTENTION).run()
    shown = "\n".join(each.value for each in app.markdown)
    assert r"You said “\!\[\]\(http\://example\.org\)”" in shown


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"x" * 1_100_000, b"{"])
def test_what_is_no_json_is_refused(content, root_on_path):
    from minigpt.errors import DataError
    from pages.frame.progress_file import from_json

    with pytest.raises(DataError):
        from_json(content)


def test_a_file_is_taken_and_a_broken_one_is_said(open_page):
    app = open_page()
    app.file_uploader[0].upload(
        "minigpt-progress.json", json.dumps(GOOD).encode(), "application/json"
    ).run()
    assert "**1 of 1 right.** Attention is" in captions(app)
    app.file_uploader[0].upload("other.json", b"{}", "application/json").run()
    assert "not saved progress" in texts(app)
    assert "**1 of 1 right.** Attention is" in captions(app)


def test_starting_over_forgets_the_answers_on_the_page_too(open_page):
    app = open_page(prompt="the cat")
    asked = len(app.radio)
    app.radio[-1].set_value(0).run()
    assert len(app.radio) == asked - 1
    next(button for button in app.button if button.label == "Start over").click().run()
    assert len(app.radio) == asked
    assert all(radio.value is None for radio in app.radio)
    assert not any(app.session_state["_progress"].lessons["home"].values())
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
