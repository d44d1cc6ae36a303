"""What goes wrong in a class: races, a damaged or full disk, a second server."""

import asyncio
import shutil
import sqlite3

import pytest
from sqlalchemy import event

from minigpt import places, spaces
from minigpt.classroom import ending, votes
from minigpt.classroom.opened import claim
from minigpt.classroom.room import Room
from minigpt.classroom.votes import Asked
from minigpt.errors import RoomError
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from pages.frame.server.gate import Gate

ASKED = Asked("0123456789ab", "Which token?", ("the", "cat", "sat"), 1, "It is .62.")


def test_an_answer_that_comes_with_the_count_is_too_late(school, monkeypatch):
    room, ann = school.room, school.id_of(school.ann)
    votes.ask(room, "attention", ASKED)
    before = votes.current(room)
    votes.move(room, before, "counted")
    votes.move(room, votes.current(room), "revealed")
    # The look at the question was just before, the answer is just after.
    monkeypatch.setattr(votes, "current", lambda room: before)
    with pytest.raises(RoomError, match="too late"):
        votes.answer(room, before.id, ann, 1)
    assert votes.tally(room, before) == [[0, 0, 0]]


STALE = {
    "counted again": (("counted", "revealed"), "counted"),
    "revealed from the tab of the first round": (
        ("counted", "voting", "counted"),
        "revealed",
    ),
    "opened again when it is closed": (("counted", "closed"), "voting"),
}


@pytest.mark.parametrize("which", STALE)
def test_a_button_of_a_stage_that_is_over_does_nothing(school, which):
    room = school.room
    votes.ask(room, "attention", ASKED)
    seen = votes.current(room)
    steps, clicked = STALE[which]
    for stage in steps:
        votes.move(room, votes.current(room), stage)
    now = votes.current(room)
    votes.move(room, seen, clicked)
    assert votes.current(room) == now


def test_who_is_removed_while_we_look_is_not_known_again(school):
    room, bob = school.room, school.id_of(school.bob)
    room.remove("nobody")  # what was known is forgotten: the next look asks

    begun = []

    def remove(*_told) -> None:
        if not begun:
            begun.append(True)
            room.remove(bob)

    event.listen(room.database.engine, "after_cursor_execute", remove)
    room.seat(school.bob)
    assert room.seat(school.bob) is None


def test_what_is_wrong_with_the_disk_is_said_in_words(tmp_path, school):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/room.sqlite").write_bytes(b"no database " * 100)
    with pytest.raises(RoomError, match="not a database"):
        Room(tmp_path / "broken")
    room = school.room
    with room.database.reading() as session:
        session.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(RoomError, match="full"):
        room.set("view", "x" * 100_000)
    assert room.setting("view", None) is None
    assert room.seat(school.ann) is not None


def test_a_class_that_another_process_writes_into_waits_and_then_says_so(school):
    room = school.room
    with room.database.reading() as session:
        session.exec_driver_sql("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(room.folder / "room.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RoomError, match="locked"):
        room.set("closed", True)
    assert room.setting("closed", False) is False  # readers never wait
    other.execute("COMMIT")
    other.close()
    room.set("closed", True)


def test_a_second_server_does_not_take_the_class_of_the_first(tmp_path, monkeypatch):
    kept = []
    acquire = RunLock.acquire
    monkeypatch.setattr(RunLock, "acquire", lambda at: kept.append(acquire(at)))
    claim(tmp_path / "room")
    with pytest.raises(RoomError, match="open already"):
        claim(tmp_path / "room")
    kept.pop().release()
    claim(tmp_path / "room")
    kept.pop().release()


def test_a_count_is_of_the_rounds_that_its_page_has_seen(school):
    room = school.room
    votes.ask(room, "attention", ASKED)
    before = votes.current(room)
    for stage in ("counted", "voting"):  # in another tab of the teacher's
        votes.move(room, votes.current(room), stage)
    votes.answer(room, before.id, school.id_of(school.ann), 1)
    assert votes.tally(room, before) == [[0, 0, 0]]


def test_a_connection_that_is_not_free_in_time_is_said_in_words(school, monkeypatch):
    pool = school.room.database.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.01)
    taken = [pool.connect() for _ in range(15)]
    with pytest.raises(RoomError, match="cannot be read or written"):
        school.room.members()
    for each in taken:
        each.close()


@pytest.mark.parametrize("how", [ending.wipe, "one"])
def test_a_run_that_ends_by_itself_meanwhile_keeps_no_file(school, monkeypatch, how):
    ann = school.id_of(school.ann)
    own = school.room.space_of(ann).data
    write_status(school.run.path, RunStatus(state="finished"))
    monkeypatch.setattr(ending, "at_work", lambda _: [school.run])  # a moment ago
    (school.room.folder / "learners" / ".DS_Store").touch()
    if how == "one":
        ending.remove(school.room, ann)
    else:
        how(school.room)
        assert not list((school.room.folder / "learners").iterdir())
    assert not own.exists()


def test_one_folder_that_cannot_be_deleted_keeps_no_other(school, monkeypatch):
    anns, bobs = (
        school.room.space_of(school.id_of(cookie)).data
        for cookie in (school.ann, school.bob)
    )
    (bobs / "texts").mkdir(parents=True)
    (school.room.folder / "shared").mkdir()
    delete = shutil.rmtree

    def refuse(path, *rest, **options) -> None:
        if path == anns:
            raise PermissionError(13, "Permission denied")
        delete(path, *rest, **options)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(RoomError, match=anns.name):
        ending.wipe(school.room)
    assert anns.exists()
    assert not bobs.exists()
    assert not (school.room.folder / "shared").exists()


def test_what_is_made_later_is_made_in_the_space_of_whoever_asked(school):
    school.works_as(school.bob)
    bobs = places.data_directory()
    later = spaces.carried(lambda: (places.data_directory(), spaces.may_open(bobs)))
    spaces.find_by(lambda: None)  # a thread of the server's own
    assert later() == (bobs, True)
    assert places.data_directory() != bobs
    school.works_as(school.ann)
    assert later()[0] == bobs
    assert not spaces.may_open(bobs)


def test_an_address_without_a_slash_is_answered(school):
    sent = []

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "OPTIONS", "path": "*", "headers": []}
    asyncio.run(Gate(None, school.opened)(scope, None, send))
    assert sent[0]["status"] == 401
