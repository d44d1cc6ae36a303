"""What the pages of a study show, arm by arm, and what they keep to themselves."""

import pytest
from sqlalchemy import update

from minigpt.classroom import tables, votes
from minigpt.classroom.screens import View, show_view
from minigpt.classroom.study import participants, responses, studies
from minigpt.classroom.study.design import LENGTH
from minigpt.classroom.votes import Asked

CLASS = "pages/classroom/classroom.py"
STUDY = "pages/study/study.py"
ATTENTION = "pages/attention/attention.py"


@pytest.fixture
def begun(school, open_as):
    """Start a study as a teacher does, with a learner in each arm."""
    teacher = open_as(school.teacher, CLASS)
    teacher.selectbox(key="study_model").set_value("glass")
    teacher.selectbox(key="study_lesson").set_value("attention")
    teacher.button(key="_study_start").click().run()
    assert not teacher.exception
    study = studies.current(school.room)
    for cookie, arm in ((school.ann, "locked"), (school.bob, "free")):
        participants.enrol(school.room, study, school.id_of(cookie), arm)
    return study


def part(school, study, cookie):
    return participants.participant(school.room, study, school.id_of(cookie))


def words(app) -> str:
    assert not app.exception
    shown = (*app.title, *app.markdown, *app.caption, *app.text)
    return "\n".join(str(each.value) for each in shown)


def answer(app, choice: int):
    """Answer the item on the screen, and go on."""
    app.radio[0].set_value(choice)
    return go_on(app)


def go_on(app):
    """Press the button below the item."""
    return next(each for each in app.button if each.form_id).click().run()


def pass_test(school, study, cookie, test: str) -> None:
    who = part(school, study, cookie)
    while (asked := responses.next_item(school.room, study, who, test)) is not None:
        right = asked.item.answer
        responses.respond(school.room, who, test, asked.place, right, 1.0)


def test_a_test_asks_twelve_items_and_tells_nothing(school, begun, open_as):
    app = open_as(school.ann, STUDY)
    who = part(school, begun, school.ann)
    assert who.code in words(app)
    for place in range(LENGTH):
        asked = responses.next_item(school.room, begun, who, "before")
        assert asked.place == place
        (radio,) = app.radio
        assert radio.label == asked.item.text
        assert radio.options[-1] == "*I don’t know*"
        assert len(radio.options) == len(asked.item.options) + 1
        if place == 0:
            assert "Choose an answer" in words(go_on(app))
            app = answer(app, len(asked.item.options))
        else:
            app = answer(app, asked.item.answer)
        said = words(app)
        assert "Right" not in said
        assert "Not quite" not in said
    (found, _) = sorted(
        responses.scores(school.room, begun), key=lambda each: each.before is None
    )
    assert found.before == LENGTH - 1  # "I do not know" is not right
    assert "Attention, step by step" in said
    assert not app.radio


def test_only_the_test_is_open_and_nothing_interrupts_it(school, begun, open_as):
    show_view(school.room, View(0, ATTENTION, "Attention", {}, {}, at_once=False))
    votes.ask(school.room, "", Asked("0", "Which?", ("a", "b"), 0, ""))
    for page in (ATTENTION, "pages/home/home.py", "pages/library/library.py"):
        app = open_as(school.ann, page)
        assert "You are in a study." in words(app)
        assert not app.text_input
    app = open_as(school.ann, STUDY)
    assert "Your class predicts" not in words(app)
    assert "pages/study/study.py" not in str(open_as(school.teacher, ATTENTION))


def test_one_arm_must_predict_and_for_the_other_nothing_is_covered(
    school, begun, open_as
):
    for cookie in (school.ann, school.bob):
        pass_test(school, begun, cookie, "before")
        app = open_as(cookie, STUDY)
        app = next(b for b in app.button if b.label == "Open the lesson").click().run()
    sly = {"cover": "false", "tour": "1", "present": "true", "model": "glass"}
    for query in ({"model": "glass"}, sly):
        app = open_as(school.ann, ATTENTION, **query)
        assert "The figure appears here" in words(app)
        keys = {each.key for each in app.button}
        assert not keys & {"_just_show_me", "take_tour"}
        assert not [key for key in keys if key and key.startswith("_reveal")]
        assert "cover" not in {each.key for each in app.toggle}
        files = {each.proto.label for each in app.get("download_button")}
        assert "Take it with you" not in files
        assert len(app.radio) == 1
    app = app.radio[0].set_value(0).run()
    assert "The figure appears here" not in words(app)
    assert "Hand in your result" not in {each.label for each in app.expander}
    app = open_as(school.bob, ATTENTION, model="glass", cover="true")
    assert "The figure appears here" not in words(app)
    assert "This lesson is part of a study." in words(app)
    assert "take_tour" not in {each.key for each in app.button}


def test_after_the_tests_all_is_as_before_and_the_effect_is_said(
    school, begun, open_as
):
    for cookie in (school.ann, school.bob):
        pass_test(school, begun, cookie, "before")
        who = part(school, begun, cookie)
        for moment in ("began", "ready"):
            participants.mark(school.room, who, moment)
        pass_test(school, begun, cookie, "after")
    app = open_as(school.ann, STUDY)
    assert "The last test opens on" in words(app)
    app = open_as(school.ann, ATTENTION, model="glass")
    assert "_just_show_me" in {each.key for each in app.button}
    app = open_as(school.teacher, CLASS)
    app.button(key="_study_show_effect").click().run()
    assert "no interval with fewer than two in each arm" in words(app)
    turnout = next(each.value for each in app.dataframe if "arm" in each.value)
    assert turnout["test 2 taken"].tolist() == [1, 1]
    with school.room.changing() as session:  # a week later
        session.execute(update(tables.studies).values(later=0))
    assert len(open_as(school.ann, STUDY).radio) == 1
    app = open_as(school.bob, STUDY)
    app.button(key="_study_leave").click().run()
    assert not app.exception
    assert part(school, begun, school.bob) is None
    app = open_as(school.teacher, CLASS)
    app.button(key="_study_delete").click().run()
    assert studies.current(school.room) is None
