"""A teacher and two learners, each in a browser of their own, on a real server."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from one_browser import STILL, WINDOW
from patience import until
from sqlalchemy import create_engine, func, insert, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit_server import ROOT, serve_script
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from minigpt.classroom.study.design import LENGTH
from minigpt.classroom.tables import participants, responses

pytestmark = pytest.mark.browser
PATIENCE = 90_000
"""Milliseconds until what should appear counts as missing: machines may be busy."""
PROMPT = "the cat sat. the cat"


@dataclass
class Lesson:
    """A server with a class, and its links."""

    data: Path
    port: int
    teach: str
    join: str

    @property
    def url(self) -> str:
        """Return where browsers find it."""
        return f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> Iterator[Lesson]:
    """Start `--share`, and read the links from what it prints."""
    data = tmp_path_factory.mktemp("class")
    log = data / "log"
    # Learners see the models that ship, and none of the teacher's own.
    options = {"MINIGPT_DATA": str(data), "MINIGPT_SHIPPED": "on"}
    options["MINIGPT_COVER"] = "on"
    with serve_script(ROOT / "app.py", log, "--share", **options) as port:
        until(lambda: "learners' link" in log.read_text())  # soon after it answers
        printed = log.read_text()
        yield Lesson(
            data,
            port,
            re.search(r"/teach/[\w-]{43}", printed)[0],
            re.search(r"/join/[\w-]{43}", printed)[0],
        )


def arrive(chromium, address: str):
    """Open a browser of its own."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    page = chromium.new_context(viewport=WINDOW, reduced_motion=STILL).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def join(chromium, lesson: Lesson, name: str):
    page = arrive(chromium, lesson.url + lesson.join)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()
    page.get_by_role("heading", name="The course").wait_for()
    assert lesson.join not in page.url
    return page


def test_a_class_joins_is_led_votes_twice_and_sees_the_answer(chromium, lesson):
    from playwright.sync_api import expect

    teacher = arrive(chromium, lesson.url + lesson.teach)
    teacher.get_by_role("heading", name="Class", exact=True).wait_for()
    assert lesson.teach not in teacher.url
    ann, bob = (join(chromium, lesson, name) for name in ("Ann", "Bob"))
    expect(
        teacher.get_by_role("heading", name="Learners · 2 of 2 here")
    ).to_be_visible()

    teacher.goto(f"{lesson.url}/attention?prompt={PROMPT}")
    teacher.get_by_role("button", name="Ask the class").click()
    for learner in (ann, bob):
        ballot = learner.locator(".st-key-class_ballot")
        ballot.get_by_text("Your class predicts.").wait_for()
        learner.get_by_text("The whole class is asked").wait_for()  # led to the lesson
        expect(learner.locator(".st-key-prompt input")).to_have_value(PROMPT)
    for round_, choices in enumerate(((0, 1), (1, 1))):
        for learner, choice in zip((ann, bob), choices, strict=True):
            ballot = learner.locator(".st-key-class_ballot")
            ballot.locator("label").nth(choice + 1).click()
            ballot.get_by_text("Wait for the others.").wait_for()
        teacher.get_by_text("2 of 2").first.wait_for()
        teacher.get_by_role("button", name="Count the answers").click()
        if round_ == 0:
            teacher.get_by_role("button", name="Vote again").click()
            for learner in (ann, bob):
                learner.get_by_text("Once more").wait_for()
    teacher.get_by_role("button", name="Reveal").click()
    for learner in (ann, bob):
        learner.get_by_text("The answer:").wait_for()
        expect(learner.get_by_text("The whole class is asked")).to_have_count(0)
        expect(learner.locator(".st-key-covered")).to_have_count(0)

    ann.goto(f"{lesson.url}/classroom")  # not hers
    expect(ann.get_by_text("Page not found")).to_be_visible()
    for page in (teacher, ann, bob):
        page.context.close()


def take_first_test(page, lesson: Lesson) -> None:
    """Answer the first item and the last, with those between them written at once."""
    page.get_by_role("button", name="Begin").click()
    for number in (1, LENGTH):
        page.get_by_text(f"item {number} of {LENGTH}").wait_for()
        page.get_by_role("radiogroup").locator("label").first.click()
        page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
        if number == 1:
            page.get_by_text(f"item 2 of {LENGTH}").wait_for()
            database = create_engine(f"sqlite:///{lesson.data}/room/room.sqlite")
            with database.begin() as session:
                who = session.scalar(select(func.max(participants.c.id)))
                rest = {"who": who, "test": "before", "seconds": 1.0}
                places = [{**rest, "place": place} for place in range(1, LENGTH - 1)]
                session.execute(insert(responses), places)
            database.dispose()
            page.reload()


def test_each_arm_of_a_study_comes_by_its_link_and_sees_the_lesson_its_way(
    chromium, lesson
):
    from playwright.sync_api import expect

    teacher = arrive(chromium, lesson.url + lesson.teach)
    teacher.get_by_role("tab", name="Study").click()
    teacher.get_by_role("button", name="Start the study").click()
    teacher.get_by_text("A link for each arm").click()
    links = teacher.get_by_test_id("stCode").filter(has_text="/take/")
    expect(links).to_have_count(2)
    for text, is_covered in zip(links.all_inner_texts(), (True, False), strict=True):
        learner = arrive(chromium, lesson.url + re.search(r"/take/[\w-]{43}", text)[0])
        take_first_test(learner, lesson)
        learner.get_by_role("button", name="Open the lesson").click()
        learner.get_by_text("This lesson is part of a study.").wait_for()
        covered, sheet = (
            learner.locator(f".st-key-{key}") for key in ("covered", "attention_sheet")
        )
        if is_covered:
            covered.wait_for()
            expect(sheet).to_have_count(0)
            learner.get_by_role("radiogroup").locator("label").first.click()
        sheet.wait_for()
        expect(covered).to_have_count(0)
        learner.get_by_role("link", name="To the test").click()
        learner.get_by_role("button", name="I have finished it").click()
        learner.get_by_text("Test 2 of 3").wait_for()
        learner.context.close()
    teacher.context.close()


def cookie_of(lesson: Lesson, name: str) -> str:
    """Join by the link, as a browser does, and return the cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", lesson.port, timeout=90)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", lesson.join, f"name={name}", form)
    kept = connection.getresponse().headers["Set-Cookie"]
    return re.search(r"=([\w-]{43});", kept)[1]


def run_as(port: int, cookie: str, session: str = "") -> tuple[str, str]:
    """Run Home as a browser does; return the session's id, and all that was sent."""
    request = BackMsg()
    request.rerun_script.page_name = ""
    own = sent = ""
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=["streamlit", "x", session] if session else ["streamlit"],
        max_size=None,
        additional_headers={"Cookie": f"minigpt_seat_{port}={cookie}"},
    ) as socket:
        socket.send(request.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(socket.recv(timeout=90))
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                own, sent = answer.new_session.initialize.session_id, ""
            elif kind == "script_finished" and own:
                return own, sent
            sent += str(answer)


def test_a_session_of_another_s_cannot_be_taken_over(lesson):
    ann, bob = (cookie_of(lesson, name) for name in ("Ann-2", "Bob-2"))
    session, sent = run_as(lesson.port, ann)
    assert "The course" in sent
    taken, sent = run_as(lesson.port, bob, session)
    assert taken == session  # Streamlit would hand it over
    assert "This is a class." in sent
    assert "The course" not in sent
    assert "The course" in run_as(lesson.port, ann, session)[1]
    with pytest.raises(InvalidStatus, match="403"):
        run_as(lesson.port, "guessed", session)
