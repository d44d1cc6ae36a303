"""What the pages of a class show to the teacher, to a learner, and to a stranger."""

import base64
import hmac
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.classroom import votes
from minigpt.classroom.screens import lock, screens
from minigpt.config import RunConfig
from minigpt.lesson_file.handed_in import key_of
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.store import RunStore
from minigpt.runs.ticket import Ticket, write_ticket

ROOT = Path(__file__).parents[2]
ATTENTION = "pages/attention/attention.py"
TRAINING = "pages/training/training.py"
PROMPT = {"prompt": "the cat sat. the cat"}


def said(app: AppTest) -> str:
    assert not app.exception
    shown = (*app.title, *app.markdown, *app.text, *app.caption, *app.subheader)
    return "\n".join(str(each.value) for each in shown)


def test_a_stranger_sees_one_line(school, open_as):
    for cookie in (None, "guessed", school.room.teach_secret):
        app = open_as(cookie)
        assert said(app) == "This is a class. Open the link that your teacher shows."
        assert not app.button


def test_a_learner_has_their_own_runs_and_no_page_of_the_teacher_s(school, open_as):
    app = open_as(school.ann, TRAINING)
    assert "hers" in app.selectbox(key="run").options
    app = open_as(school.bob, TRAINING, run="hers", model="hers")
    assert "hers" not in app.selectbox(key="run").options
    assert "There is no run 'hers' here." in said(app)
    assert "There is no model 'hers' here." in said(app)
    keys = {button.key for button in app.button}
    assert not keys & {"_ask_class", "_offer_view", "class_stop", "end_class"}
    with pytest.raises(ValueError, match="Could not find"):
        app.switch_page("pages/classroom/classroom.py")


def test_a_locked_page_is_covered_for_learners_alone(school, open_as):
    lock(school.room, ["attention"])
    app = open_as(school.bob, ATTENTION)
    assert "Your teacher has locked this page." in said(app)
    assert not app.text_input
    assert "locked this page" not in said(open_as(school.teacher, ATTENTION))


def test_the_class_predicts_on_every_screen(school, open_as):
    room, bob = school.room, school.id_of(school.bob)
    teacher = open_as(school.teacher, ATTENTION, **PROMPT)
    teacher.button(key="_ask_class").click().run()
    vote = votes.current(room)
    assert vote.page == "attention"
    view = screens(room).view
    assert view.page == ATTENTION
    assert view.values["prompt"] == "the cat sat. the cat"
    assert "**The class predicts.**" in said(teacher)
    assert "The whole class is asked" in said(teacher)

    # No switch and no tour of a learner's uncovers the figure meanwhile.
    sly = open_as(school.bob, ATTENTION, **PROMPT, cover="false", tour="1")
    assert "The figure appears here" in said(sly)
    learner = open_as(school.bob, ATTENTION, **PROMPT)
    assert "**Your class predicts.**" in said(learner)
    keys = [radio.key for radio in learner.radio]
    assert keys == [f"_ballot_{vote.id}_1"]  # and no other way to the answer
    assert not [button for button in learner.button if button.key == "_just_show_me"]
    learner.radio(key=keys[0]).set_value(vote.asked.answer).run()
    assert votes.answers_of(room, vote, bob) == {1: vote.asked.answer}
    assert "Wait for the others." in said(learner)

    teacher.run()
    assert votes.tally(room, vote)[0][vote.asked.answer] == 1
    teacher.button(key="_vote_to_counted").click().run()
    teacher.button(key="_vote_to_revealed").click().run()
    assert "The whole class is asked" not in said(teacher)
    assert "(1 of 1 learners)" in str(teacher.session_state["_progress"].lessons)
    learner.run()
    assert "The answer:" in said(learner)
    assert "right" in said(learner)
    given = learner.session_state["_progress"].lessons["attention"]
    (answers,) = [each for each in given.values() if each and each[0].is_prediction]
    assert answers[0].right


def test_who_takes_over_another_s_session_is_nobody(school, open_as, monkeypatch):
    from pages.frame.room import seats

    app = open_as(school.ann)
    assert "class" not in said(app)
    app.session_state["_seat"] = school.ann
    monkeypatch.setattr(seats, "_bound", lambda: school.bob)
    app.run()
    assert said(app) == "This is a class. Open the link that your teacher shows."


@pytest.fixture
def downloads(monkeypatch):
    """Return what the pages make on a click, by the button's key."""
    import streamlit as st

    made = {}
    show = st.download_button

    def note(label, data, *rest, **options):
        made[options.get("key")] = data
        return show(label, data, *rest, **options)

    monkeypatch.setattr(st, "download_button", note)
    return made


def test_a_learner_downloads_a_model_without_the_teacher_s_notes(
    school, made, open_as, downloads, monkeypatch
):
    monkeypatch.setattr("minigpt.library.notes.shipped_models", lambda: made / "models")
    monkeypatch.setenv("MINIGPT_DATA", str(school.room.folder.parent))
    notes = school.room.folder.parent / "notes/glass.json"
    notes.parent.mkdir()
    notes.write_text("for the teacher alone")
    for cookie, expected in ((school.bob, False), (school.teacher, True)):
        open_as(cookie, "pages/library/library.py", model="glass")
        # Streamlit makes it in a thread of its own, where nobody asks.
        with ThreadPoolExecutor(1) as pool:
            packed = pool.submit(downloads["download_model"]).result()
        names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
        assert ("glass/notes.json" in names) is expected


def test_after_the_class_its_switches_are_as_for_a_new_one(school, open_as, downloads):
    app = open_as(school.teacher, "pages/classroom/classroom.py")
    assert downloads["take_predictions"]().startswith(b"\xef\xbb\xbfname,")
    app.toggle(key="_door").set_value(False).run()
    app.toggle(key="_follow_me").set_value(True).run()
    app.multiselect(key="_locked_pages").set_value(["attention"]).run()
    room = school.room
    assert (room.setting("closed", False), screens(room).locked) == (
        True,
        ("attention",),
    )
    app.button(key="end_class").click().run()
    assert app.toggle(key="_door").value is True
    assert app.toggle(key="_follow_me").value is False
    assert app.multiselect(key="_locked_pages").value == []
    app.toggle(key="_door").set_value(False).run()
    assert room.setting("closed", False) is True


def test_the_teacher_sees_the_queue_and_withdraws_a_run(school, open_as, monkeypatch):
    monkeypatch.setenv("MINIGPT_TRAININGS", "1")
    runs = {}
    for cookie, name in ((school.ann, "long"), (school.bob, "next")):
        own = school.room.space_of(school.id_of(cookie)).data / "runs"
        runs[name] = RunStore(own).create(RunConfig(), name)
    lock = RunLock.acquire(runs["long"].path)
    write_status(
        runs["long"].path,
        RunStatus(state="running", pid=1, step=5, total_steps=9, eta_seconds=170),
    )
    write_ticket(runs["next"].path, Ticket(1.0))
    app = open_as(school.teacher, "pages/classroom/classroom.py")
    assert "Runs · 1 at work, 1 waiting" in said(app)
    table = next(each.value for each in app.dataframe if "Run" in each.value)
    assert table.to_numpy().tolist() == [
        ["Ann", "long", "running, step 5 of 9"],
        ["Bob", "next", "Waiting: 1 run ahead, about 3 minutes."],
    ]
    app = open_as(school.bob, TRAINING, run="next")
    assert "Waiting: 1 run ahead, about 3 minutes." in said(app)
    app.button(key="withdraw").click().run()
    assert not app.exception
    assert runs["next"].status().state == "stopped"
    assert "withdraw" not in {button.key for button in app.button}
    lock.release()


def test_the_teacher_sees_which_results_hold(school, open_as, downloads):
    key = key_of("hedgehog")
    result = {
        "items": [{"answer": "c", "lesson": "home", "right": True}],
        "lesson": "home",
        "model": "0123456789abcdef",
        "name": "*Ann*",
        "score": {"asked": 6, "right": 1},
        "time": "2026-11-28T11:50:00Z",
    }
    text = json.dumps(result).encode()
    parts = [text, hmac.digest(key, b"word", "sha256")[:4]]
    parts.append(hmac.digest(key, text, "sha256"))
    ends = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
    code = ".".join(["minigpt1", *ends])

    app = open_as(school.teacher, "pages/classroom/classroom.py")
    app.text_area(key="_result_codes").set_value(f"{code}\n{code[:-1]}").run()
    assert [each.value for each in app.info][-1].startswith("Write the word")
    app.text_input(key="_result_word").set_value("hedgehog").run()
    table = next(each.value for each in app.dataframe if "Holds" in each.value)
    assert table["Name"].tolist() == ["*Ann*", ""]
    assert table["Score"].tolist() == ["1 of 6", ""]
    assert table["Holds"][0] == "Yes"
    assert "damaged" in table["Holds"][1]
    assert b'"pasted, 1",,*Ann*,home' in downloads["results_csv"]
    app.text_input(key="_result_word").set_value("badger").run()
    table = next(each.value for each in app.dataframe if "Holds" in each.value)
    assert "another word" in table["Holds"][0]


def test_a_learner_hands_in_a_check_under_the_name_in_the_class(school, open_as):
    app = open_as(school.ann, "pages/attention/attention.py", model="glass")
    app.radio[0].set_value(0).run()  # the prediction: the Check comes after it
    app.session_state["hand_in"] = True
    app.run()
    assert app.text_input(key="_hand_in_name").value == "Ann"
