"""The link of a study, as a browser opens it: in by a click, back by a code."""

import re

import pytest
from starlette.testclient import TestClient

from minigpt.classroom.study import participants, studies
from minigpt.classroom.study.forms import Item
from pages.frame.server.gate import Gate

FORMS = [[Item("a", "?", "?", ("x", "y"), 0)] * 12] * 3


async def behind(scope, receive, send):
    """Answer whoever has passed the gate."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
def arrive(school):
    """Start a study, and return a function that opens its link in a new browser."""
    studies.start(school.room, "attention", "glass", 4e9, FORMS)
    links = studies.current(school.room).links

    def open_(link: str, code: str | None = None, cookie: str = ""):
        cookies = {"seat": cookie} if cookie else None
        browser = TestClient(
            Gate(behind, school.opened), cookies=cookies, follow_redirects=False
        )
        path = f"/take/{links.get(link, link)}"
        return (
            browser.get(path)
            if code is None
            else browser.post(path, data={"code": code})
        )

    return open_


def part_of(school, answer):
    """Return the part in the study of whom an answer let in."""
    cookie = re.search(r"seat=([\w-]{43})", answer.headers["set-cookie"])[1]
    return participants.part_of(school.room, school.room.seat(cookie).member)[1]


def test_a_click_lets_in_and_the_code_brings_back(school, arrive):
    asked = arrive("locked")
    assert asked.status_code == 200
    assert "You need no name" in asked.text
    assert "set-cookie" not in asked.headers
    answer = arrive("locked", code="")
    assert (answer.status_code, answer.headers["location"]) == (303, "/study")
    who = part_of(school, answer)
    assert who.arm == "locked"
    assert part_of(school, arrive("free", code=who.code)) == who  # and in their arm
    wrong = arrive("lot", code="<b>AAAA")
    assert wrong.status_code == 403
    assert "&lt;b&gt;AAAA" in wrong.text
    assert len(school.room.members()) == 3  # Ann, Bob, and whoever came once


def test_who_is_in_needs_no_code_and_who_has_no_link_stays_out(school, arrive):
    assert arrive("free", cookie=school.ann).headers["location"] == "/study"
    own = participants.part_of(school.room, school.id_of(school.ann))[1]
    assert own.arm == "free"
    assert "You are the teacher" in arrive("free", cookie=school.teacher).text
    for link in ("guessed", school.room.join_secret, ""):
        answer = arrive(link, code="")
        assert answer.status_code == 403
        assert "leads to no study" in answer.text
