"""Predict and Check: a commitment, graded by the model, kept with its first answer."""

import pytest
from streamlit.testing.v1 import AppTest


def questions_page() -> None:
    import streamlit as st

    from pages.frame.questions import Question, check, predict

    asked = st.session_state.get("asked", 1)
    options = ["*a*", "$b$\n", "c"]
    guesses = [
        Question("home.guess", f"Which of **{n}**?", options, asked, "It weighs 0.6.")
        for n in (1, 2)
    ]
    later = Question("home.seen", "What did you see?", ["this", "that"], 0, "So it is.")
    if predict(guesses, [later]):
        st.text("the figure")
        check(
            [
                [
                    Question(f"home.{name}", f"{name} {n}?", ["x", "y"], 0, "So it is.")
                    for n in (1, 2)
                ]
                for name in ("one", "two")
            ]
        )


@pytest.fixture
def app(root_on_path, monkeypatch) -> AppTest:
    monkeypatch.setenv("MINIGPT_COVER", "on")
    app = AppTest.from_function(questions_page, default_timeout=60).run()
    assert not app.exception
    return app


def texts(app) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.text])


def answers(app) -> dict:
    return app.session_state["_progress"].lessons["home"]


def radio(app, text: str):
    return next(each for each in app.radio if text in each.label)


def press(app, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def test_the_figure_is_not_there_before_the_guess(app):
    assert "the figure" not in texts(app)
    assert "once you have made your prediction" in texts(app)
    assert "✓" not in texts(app)
    assert len(app.radio) == 1


def test_a_guess_uncovers_the_figure_and_is_graded_once(app):
    app.radio[0].set_value(1).run()
    assert "the figure" in texts(app)
    said = texts(app).replace(r"\$", "$")
    assert "You said “$b$⏎” · **✓ Right.**" in said
    assert r"**✓ Right.** It weighs 0\.6\." in said
    assert not [each for each in app.radio if "Which of" in each.label]
    (given,) = answers(app)["home.guess"]
    assert (given.right, given.said, given.is_prediction) == (True, "$b$⏎", True)


def test_a_wrong_guess_names_the_right_answer_as_it_was_typed(app):
    app.radio[0].set_value(0).run()
    assert r"✗ Not quite: the answer is “\$b\$⏎”." in texts(app)
    assert answers(app)["home.guess"][0].right is False


def test_whoever_asks_to_be_shown_has_said_nothing(app):
    press(app, "Just show me")
    assert "the figure" in texts(app)
    assert "You asked to be shown" in texts(app)
    (given,) = answers(app)["home.guess"]
    assert (given.said, given.right) == (None, False)


def test_a_second_chance_is_another_item_and_covers_the_figure_again(app):
    app.radio[0].set_value(0).run()
    press(app, "Another one like it")
    assert "Which of **2**" in app.radio[0].label
    assert "the figure" not in texts(app)
    app.radio[0].set_value(1).run()
    assert "the figure" in texts(app)
    first, second = answers(app)["home.guess"]
    assert (first.right, second.right) == (False, True)
    assert not [each for each in app.button if each.key.startswith("_another_guess")]


def test_another_model_does_not_cover_the_figure_again_or_change_the_answer(app):
    app.radio[0].set_value(1).run()
    app.session_state["asked"] = 0
    app.run()
    assert "the figure" in texts(app)
    assert "✓ Right" in texts(app)
    assert len(answers(app)["home.guess"]) == 1


def test_one_question_is_about_what_was_seen(app):
    assert not [each for each in app.radio if "did you see" in each.label]
    app.radio[0].set_value(1).run()
    radio(app, "What did you see?").set_value(0).run()
    assert answers(app)["home.seen"][0].right


def test_a_check_takes_one_answer_and_offers_another_item(app):
    app.radio[0].set_value(1).run()
    radio(app, "one 1?").set_value(1).run()
    assert not [each for each in app.radio if each.label == "one 1?"]
    assert "0 of 2 right" in app.caption[0].value
    given = answers(app)["home.one"][0]
    another = f"_another_{given.item}"
    next(each for each in app.button if each.key == another).click().run()
    radio(app, "one 2?").set_value(0).run()
    assert "1 of 2 right" in app.caption[0].value
    assert [each.right for each in answers(app)["home.one"]] == [False, True]


def test_a_class_votes_by_hand_and_the_most_hands_are_its_prediction(
    root_on_path, monkeypatch
):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    app = AppTest.from_function(questions_page, default_timeout=60)
    app.session_state["_present"] = True
    app.run()
    assert not app.radio
    for number, hands in enumerate((4, 9, 2)):
        app.number_input[number].set_value(hands)
    assert "the figure" not in texts(app)
    press(app, "Reveal")
    assert "the figure" in texts(app)
    assert answers(app)["home.guess"][0].said == "$b$⏎ (9 of 15 hands)"


def test_with_covering_off_the_figure_is_there_and_the_question_too(
    root_on_path, monkeypatch
):
    monkeypatch.setenv("MINIGPT_COVER", "off")
    app = AppTest.from_function(questions_page, default_timeout=60).run()
    assert "the figure" in texts(app)
    assert "Which of **1**" in app.radio[0].label
