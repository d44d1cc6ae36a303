"""A Check, handed in: what its code holds, and what is asked for before."""

import json

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.errors import DataError
from minigpt.lesson_file.contents import contents
from minigpt.lesson_file.handed_in import check, key_of, verified

GLASS = "models/glass/checkpoints/checkpoint_step_100"
ATTENTION = "pages/attention/attention.py"


@pytest.fixture
def app(open_page):
    """Open a lesson whose Check was answered twice, and unfold what hands it in."""
    app = open_page(ATTENTION, prompt="the cat sat. the cat")
    assert not [each for each in app.text_input if each.label == "The class’s word"]
    for _ in range(2):  # the last question is the Check's, not the prediction
        [each for each in app.radio if each.key.startswith("_answer_")][-1].set_value(0)
        app.run()
    app.session_state["hand_in"] = True
    return app.run()


def make(app, name: str, word: str):
    app.text_input(key="_hand_in_name").set_value(name)
    app.text_input(key="_hand_in_word").set_value(word)
    next(each for each in app.button if each.label == "Make the code").click()
    return app.run()


def views(app) -> list[dict]:
    """Return what the browser is given to show, in the page's order."""
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == "minigpt.signed_result"
    ]


def test_a_code_holds_the_first_answers_and_whose_they_are(app, models):
    told = app.session_state["_progress"].lessons["attention"]
    first = {name: given[0] for name, given in told.items() if given}
    assert len(first) == 2
    assert views(app) == [{}]
    make(app, " A\u0301nn *B* ", "hérisson")
    assert not app.exception
    before, shown = views(app)
    assert before == {}
    result = verified(shown["code"], key_of("he\u0301risson "))
    assert result.model_dump() == shown["result"]
    assert (result.name, result.lesson) == ("Ánn *B*", "attention")
    right = sum(given.right for given in first.values())
    assert (result.score.right, result.score.asked) == (right, 3)
    items = {item.lesson: (item.answer, item.right) for item in result.items}
    assert items == {name: (given.said, given.right) for name, given in first.items()}
    settings = contents(load_checkpoint(models / GLASS)).settings
    assert result.model == settings["model_hash"]
    (said,) = (each.value for each in app.markdown if "not answered yet" in each.value)
    assert said.startswith(
        f"\u2068Ánn \\*B\\*\u2069: {right} of 3 right. 1 not answered yet"
    )
    with pytest.raises(DataError, match="another word"):
        verified(shown["code"], key_of("hedgehog"))


def test_a_name_and_a_word_are_asked_for(app):
    for name, word, sentence in [
        (" ", "hedgehog", "Write your name."),
        ("Ann", " ", "Write the word that your teacher gave."),
    ]:
        make(app, name, word)
        assert sentence in [each.value for each in app.info]
        assert views(app) == [{}]


def test_the_name_goes_along_to_the_next_lesson_and_the_code_does_not(app):
    make(app, "Ann", "hedgehog")
    app.switch_page("pages/library/library.py").run()
    app.session_state["hand_in"] = True
    app.run()
    assert app.text_input(key="_hand_in_name").value == "Ann"
    assert app.text_input(key="_hand_in_word").value == ""
    assert views(app) == [{}]
    make(app, "Ann", "hedgehog")
    (held,) = check([("shown", views(app)[1]["code"])], "hedgehog")
    assert held.result.lesson == "library"
    assert (held.result.items, held.result.score.right) == ([], 0)


def test_the_code_of_one_view_is_not_shown_under_another_views_check(open_page):
    app = open_page(
        "pages/intervene/intervene.py", intervene="Ablate", prompt="the red kite"
    )
    app.session_state["hand_in"] = True
    make(app.run(), "Ann", "hedgehog")
    assert len(views(app)) == 2
    for view, count in [("Steer", 1), ("Ablate", 2)]:
        app.session_state["intervene"] = view
        app.session_state["hand_in"] = True
        app.run()
        assert len(views(app)) == count, view
