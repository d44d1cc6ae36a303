"""Predict and Check: graded by the model, and only on the question that was asked."""

from streamlit.testing.v1 import AppTest


def questions_page() -> None:
    import streamlit as st

    from pages.frame.questions import Question, check, predict

    asked = st.session_state.get("asked", 1)
    options = ["*a*", "$b$\n", "*a*"]
    predict(Question("page.guess", "Which?", options, asked, "It weighs 0.6."))
    check(
        [
            Question(f"page.{name}", f"What is {name}?", ["x", "y"], 0, "So it is.")
            for name in ("one", "two", "three")
        ]
    )


def opened(root_on_path) -> AppTest:
    app = AppTest.from_function(questions_page).run()
    assert not app.exception
    return app


def texts(app) -> str:
    return "\n".join(each.value for each in app.markdown)


def answers(app) -> dict[str, bool | None]:
    return app.session_state["_progress"].lessons["home"]


def test_nothing_is_graded_before_an_answer(root_on_path):
    app = opened(root_on_path)
    assert "✓" not in texts(app)
    assert "✗" not in texts(app)
    assert "0 of 3 right" in app.caption[0].value


def test_a_right_answer_is_told_by_a_sign_and_in_words(root_on_path):
    app = opened(root_on_path)
    app.radio[0].set_value(1).run()
    assert "✓ Right.** It weighs 0.6." in texts(app)
    assert answers(app)["page.guess"] is True


def test_a_wrong_answer_names_the_right_one_as_it_was_typed(root_on_path):
    app = opened(root_on_path)
    app.radio[0].set_value(2).run()
    assert r"✗ Not quite: the answer is “\$b\$⏎”." in texts(app)
    assert answers(app)["page.guess"] is False


def test_an_old_answer_does_not_grade_a_new_question(root_on_path):
    app = opened(root_on_path)
    app.radio[0].set_value(1).run()
    app.session_state["asked"] = 0
    app.run()
    assert app.radio[0].value is None
    assert "✓" not in texts(app)
    assert answers(app)["page.guess"] is True


def test_what_was_right_once_stays_in_the_progress_and_the_count_is_of_now(
    root_on_path,
):
    app = opened(root_on_path)
    app.radio[1].set_value(0).run()
    app.radio[2].set_value(0).run()
    assert "2 of 3 right" in app.caption[0].value
    app.radio[1].set_value(1).run()
    assert "1 of 3 right" in app.caption[0].value
    assert answers(app)["page.one"] is True
