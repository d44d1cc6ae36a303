"""Questions that come again: warm-ups from earlier lessons, and reviews on Home."""

from datetime import UTC, datetime, timedelta

ATTENTION = "pages/attention/attention.py"
BLOCK = "pages/block/block.py"


def with_answer(app, ago: timedelta):
    """Let a learner have answered one question of Attention some time ago."""
    from pages.frame.progress import Answer, CourseProgress

    given = Answer(
        item="0123456789ab",
        question="Which?",
        said="this",
        answer="this",
        why="So it is.",
        right=True,
        is_prediction=False,
        at=datetime.now(UTC) - ago,
    )
    lessons = {"attention": {"attention.mask": [given]}}
    app.session_state["_progress"] = CourseProgress(lessons, "attention")
    return app


def opened(app, key: str):
    """Open an expander, and return the radios inside."""
    app.session_state[key] = True
    app.run()
    assert not app.exception
    prefix = "_answer_warm_up" if key == "warm_up" else "_answer_review"
    return [radio for radio in app.radio if radio.key.startswith(prefix)]


def answers(app, lesson: str) -> list[str]:
    return list(app.session_state["_progress"].lessons[lesson])


def test_a_lesson_warms_up_with_two_questions_of_an_earlier_one(open_page):
    app = with_answer(open_page(), timedelta(hours=1)).switch_page(BLOCK).run()
    asked = opened(app, "warm_up")
    assert len(asked) == 2
    asked[0].set_value(0).run()
    assert any(
        name.startswith("warm_up.block.attention.") for name in answers(app, "block")
    )
    assert app.session_state["_progress"].asked("block") == sum(
        name.startswith("block.") for name in answers(app, "block")
    )


def test_a_newcomer_and_the_lesson_itself_are_not_warmed_up(open_page):
    assert not [each for each in open_page(BLOCK).expander if "Warm" in each.label]
    app = with_answer(open_page(), timedelta(hours=1)).switch_page(ATTENTION).run()
    assert not [each for each in app.expander if "Warm" in each.label]


def test_home_asks_again_after_a_day_and_then_after_a_week(open_page):
    app = with_answer(open_page(), timedelta(hours=20)).run()
    assert not any("Due for review" in each.value for each in app.markdown)
    app = with_answer(open_page(), timedelta(hours=25)).run()
    assert any("Due for review" in each.value for each in app.markdown)
    for radio in opened(app, "review_of_attention"):
        radio.set_value(0).run()
    done = next(each for each in app.button if each.label.startswith("Done"))
    done.click().run()
    assert not app.exception
    assert not any("Due for review" in each.value for each in app.markdown)
    assert len(app.session_state["_progress"].reviews["attention"]) == 1


def test_a_model_that_a_lesson_cannot_ask_about_leaves_the_page_alone(open_page):
    page = "pages/generation/generation.py"
    app = with_answer(open_page(model="mlp"), timedelta(hours=1)).switch_page(page)
    app.run()
    opened(app, "warm_up")
    assert any("no attention heads" in each.value for each in app.text)
    assert app.button_group(key="generation_view").value == "one token"
