"""Forbidden things tried over HTTP, by strangers and by learners; each is refused."""

import re

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from minigpt.classroom import ending
from minigpt.classroom.links import digest, new_secret
from pages.frame.server.doors import Doors
from pages.frame.server.gate import Gate


async def inside(scope, receive, send):
    """Stand where Streamlit stands, and tell whoever gets here."""
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_text("inside")
        await socket.close()
    else:
        await PlainTextResponse("inside")(scope, receive, send)


def client(school, cookie: str | None = None) -> TestClient:
    """Return a browser, with a cookie or without."""
    gate = Gate(inside, school.opened)
    doors = Doors(gate, is_allowed=lambda name: name == "localhost")
    headers = {} if cookie is None else {"cookie": f"seat={cookie}"}
    return TestClient(
        doors,
        base_url="http://localhost:8501",
        headers=headers,
        client=("127.0.0.1", 1),
        follow_redirects=False,
    )


COOKIES = {
    "none": lambda school: None,
    "an empty one": lambda school: "",
    "a guessed one": lambda school: new_secret(),
    "the join link's secret": lambda school: school.room.join_secret,
    "the teacher link's secret": lambda school: school.room.teach_secret,
    "the digest that is kept": lambda school: digest(school.ann),
    "a learner's id": lambda school: school.id_of(school.ann),
    "the name of the teacher's seat": lambda school: "Teacher",
    "a learner's who left": lambda school: left(school),
    "a learner's who was removed": lambda school: removed(school),
    "a learner's of a class that is over": lambda school: over(school),
}


def left(school) -> str:
    client(school, school.ann).post("/leave")
    return school.ann


def removed(school) -> str:
    ending.remove(school.room, school.id_of(school.ann))
    return school.ann


def over(school) -> str:
    ending.wipe(school.room)
    return school.ann


@pytest.mark.parametrize("which", COOKIES)
def test_whoever_was_not_let_in_gets_nothing(school, which):
    stranger = client(school, COOKIES[which](school))
    for method, path in (
        ("GET", "/"),
        ("GET", "/classroom"),
        ("GET", "/static/js/index.js"),
        ("GET", "/media/0123456789abcdef.zip"),
        ("GET", "/_stcore/host-config"),
        ("PUT", "/_stcore/upload_file/session/file"),
    ):
        answer = stranger.request(method, path)
        assert answer.status_code in (401, 403), (which, path)
        assert "inside" not in answer.text
    with (
        pytest.raises(WebSocketDisconnect),
        stranger.websocket_connect("ws://localhost:8501/_stcore/stream"),
    ):
        pass


def test_members_are_let_in_and_a_watcher_sees_that_the_server_lives(school):
    for cookie in (school.ann, school.teacher):
        member = client(school, cookie)
        assert member.get("/").text == "inside"
        with member.websocket_connect("ws://localhost:8501/_stcore/stream") as socket:
            assert socket.receive_text() == "inside"
    for path in ("/_stcore/health", "/_stcore/script-health-check"):
        assert client(school).get(path).text == "inside"


LINKS = {
    "join with the teacher's secret": (
        "/join/",
        lambda c: c.room.teach_secret,
    ),
    "teach with the learners' secret": (
        "/teach/",
        lambda c: c.room.join_secret,
    ),
    "teach with a learner's cookie": ("/teach/", lambda c: c.ann),
    "join with a guess": ("/join/", lambda c: new_secret()),
    "teach with a guess": ("/teach/", lambda c: new_secret()),
    "teach with nothing": ("/teach/", lambda c: ""),
    "join with the digest that is kept": (
        "/join/",
        lambda c: digest(c.room.join_secret),
    ),
    "teach with the digest that is kept": (
        "/teach/",
        lambda c: digest(c.room.teach_secret),
    ),
    "join with one letter more": (
        "/join/",
        lambda c: c.room.join_secret + "A",
    ),
    "join with one letter less": (
        "/join/",
        lambda c: c.room.join_secret[:-1],
    ),
    "teach with markup": ("/teach/", lambda c: "<script>alert(1)</script>"),
    "teach with other letters": (
        "/teach/",
        lambda c: c.room.teach_secret.swapcase(),
    ),
}


def test_a_link_that_is_not_the_right_one_lets_nobody_in(school):
    for which, (path, secret_of) in LINKS.items():
        address = path + secret_of(school)
        for answer in (
            client(school).get(address),
            client(school).post(address, data={"name": "Eve"}),
        ):
            assert answer.status_code in (401, 403), which
            assert "set-cookie" not in answer.headers
            assert "<script>" not in answer.text
    assert [member.name for member in school.room.members()] == ["Ann", "Bob"]


def test_the_links_of_before_are_of_no_use_after_the_class(school):
    room = school.room
    old = {"/join/": room.join_secret, "/teach/": room.teach_secret}
    ending.wipe(room)
    assert client(school).get("/join/" + room.join_secret).status_code == 200
    for path, secret in old.items():
        assert client(school).get(path + secret).status_code == 403
    assert client(school, school.teacher).get("/").text == "inside"


NAMES = {
    "nothing": "",
    "spaces": "    ",
    "markup": "<b>Eve</b>",
    "a script": "<script>alert(1)</script>",
    "Markdown": "![x](http://evil.example/x)",
    "a template": "{words}{form}",
    "a formula": "=HYPERLINK(1)",
    "another formula": "-1+1",
    "a line break": "Eve\nBob",
    "a zero byte": "Eve\0",
    "an escape sequence": "\x1b[31mEve",
    "text that runs backwards": "\u202eevE",
    "a letter that shows nothing": "\u3164",
    "a space without width": "Ann\u200b",
    "a mark that shows nothing": "Ann\ufe0f",
    "another mark that shows nothing": "An\u034fn",
    "piled accents": "E\u0300\u0301\u0302\u0303ve",
    "5,000 characters": "E" * 5000,
    "33 characters": "E" * 33,
    "a path": "../../etc",
    "taken": "Ann",
    "taken, in capitals": "ANN",
    "taken, in wide letters": "\uff21\uff4e\uff4e",
    "taken, with spaces around": "  Ann ",
}


def test_what_cannot_be_a_name_is_refused_in_words(school):
    address = "/join/" + school.room.join_secret
    for which, name in NAMES.items():
        answer = client(school).post(address, data={"name": name})
        assert answer.status_code == 403, which
        assert "set-cookie" not in answer.headers
        assert re.search("cannot be a name|too long|is here already", answer.text)
        assert "<b>Eve" not in answer.text
        assert "<script>" not in answer.text
    assert len(school.room.members()) == 2


def test_a_form_that_is_no_form_is_refused(school):
    address = "/join/" + school.room.join_secret
    broken = (b"name=%ff%fe", b"name=\xff", b"\x00", b"name=Eve&" * 9, b"a" * 10_000)
    for body in broken:
        assert client(school).post(address, content=body).status_code == 403, body


def test_a_learner_joins_once_under_a_name_and_keeps_it(school):
    browser = client(school)
    address = "/join/" + school.room.join_secret
    assert 'name="name"' in browser.get(address).text
    answer = browser.post(address, data={"name": " Zoë  O’Hara "})
    assert answer.headers["location"] == "/"
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=lax" in kept
    assert "secure" not in kept
    assert browser.get("/").text == "inside"
    assert browser.get(address).headers["location"] == "/"  # no second name
    assert "Zoë O’Hara" in [member.name for member in school.room.members()]
    assert school.room.join_secret not in answer.headers["location"]
    behind_tls = client(school).post(
        address, data={"name": "Yan"}, headers={"x-forwarded-proto": "https"}
    )
    assert "secure" in behind_tls.headers["set-cookie"].lower()


def test_nobody_new_comes_in_by_a_closed_door_or_into_a_full_class(school):
    room, address = school.room, "/join/" + school.room.join_secret
    room.set("closed", True)
    assert client(school).post(address, data={"name": "Eve"}).status_code == 403
    assert client(school, school.ann).get("/").text == "inside"
    room.set("closed", False)
    for name, status in (("Cem", 303), ("Dan", 303), ("Eve", 403)):
        assert client(school).post(address, data={"name": name}).status_code == status


def test_a_page_of_another_site_joins_nobody(school):
    address = "/join/" + school.room.join_secret
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    answer = client(school).post(address, data={"name": "Eve"}, headers=foreign)
    assert answer.status_code == 403
    assert len(school.room.members()) == 2


def test_no_secret_lies_on_the_disk(school):
    room = school.room
    kept = b"".join(path.read_bytes() for path in room.folder.glob("room.sqlite*"))
    secrets = (room.join_secret, room.teach_secret, school.ann, school.teacher)
    assert not [secret for secret in secrets if secret.encode() in kept]
    assert b"Ann" in kept
    ending.wipe(room)
    kept = b"".join(path.read_bytes() for path in room.folder.glob("room.sqlite*"))
    assert b"Ann" not in kept
