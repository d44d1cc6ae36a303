"""A class in SQLite and in PostgreSQL: many write, one is killed, tables grow older."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from patience import until
from sqlalchemy import func, insert, select, text
from starlette.testclient import TestClient

from minigpt.classroom import votes
from minigpt.classroom.database import FILE, Database
from minigpt.classroom.opened import Opened
from minigpt.classroom.room import Room
from minigpt.classroom.tables import members, metadata, seats, settings
from minigpt.classroom.votes import Asked
from minigpt.errors import RoomError
from minigpt.spaces import Limits
from pages.frame.server.gate import Gate

ASKED = Asked("0123456789ab", "Which token?", ("the", "cat", "sat"), 1, "It is .62.")

BEGIN = """
import sys
from pathlib import Path
from minigpt.classroom.database import Database
from minigpt.classroom.room import Room
from minigpt.errors import RoomError
from minigpt.spaces import Limits
folder, url, word = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3]
"""

JOINING = """
from concurrent.futures import ThreadPoolExecutor
room = Room(folder, Limits(learners=24), (), Database(folder, url), "key of both")
def join(number):
    try:
        room.join(room.join_secret, f"{word} {number}")
        return 1
    except RoomError as error:
        assert "full" in str(error), error
        return 0
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(6) as pool:
    print(sum(pool.map(join, range(18))))
"""

ENDLESS = """
room = Room(folder, Limits(learners=10**6), (), Database(folder, url))
for number in range(10**6):
    room.join(room.join_secret, f"{word} {number}")
    print(number, flush=True)
"""

HALF = """
from sqlalchemy import insert
from minigpt.classroom.tables import settings
database = Database(folder, url)
database.claim()
with database.changing() as session:
    for number in range(300):
        session.execute(insert(settings).values(name=f"half {number}", value=1))
    print("half", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request) -> str:
    return request.param


@pytest.fixture
def database(tmp_path, url):
    opened = Database(tmp_path, url)
    yield opened
    opened.engine.dispose()


def begin(script: str, folder: Path, url: str | None, word: str = ""):
    words = [sys.executable, "-c", BEGIN + script, str(folder), url or "", word]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(words, text=True, **pipes)


def test_two_processes_of_many_threads_let_in_as_many_as_may_come(
    tmp_path, database, url
):
    writers = [begin(JOINING, tmp_path, url, word) for word in ("Ann", "Bob")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    told = [writer.communicate("go\n", timeout=60)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    with database.reading() as session:
        here = session.scalar(select(func.count()).select_from(members))
        seated = session.scalar(select(func.count()).select_from(seats))
    assert sum(map(int, told)) == here == seated == 24


def test_thirty_who_answer_at_once_are_all_counted(tmp_path, database):
    room = Room(tmp_path, Limits(), (), database)
    cookies = [room.join(room.join_secret, f"Learner {n}") for n in range(30)]
    votes.ask(room, "attention", ASKED)
    vote = votes.current(room)

    def commit(number: int) -> None:
        member = room.seat(cookies[number]).member
        votes.answer(room, vote.id, member, number % 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(commit, range(30)))
    assert votes.tally(room, vote) == [[10, 10, 10]]


def is_claimed(database: Database) -> bool:
    try:
        database.claim()
    except RoomError as error:
        return "Another server" in str(error)
    return False


def test_a_server_that_is_killed_half_way_has_written_and_holds_nothing(
    tmp_path, database, url
):
    server = begin(HALF, tmp_path, url)
    assert server.stdout.readline() == "half\n"
    assert is_claimed(database) == (url is not None)
    server.kill()
    server.communicate()
    with database.changing() as session:  # nor does it keep the next one waiting
        session.execute(insert(settings).values(name="after", value=1))
    with database.reading() as session:
        assert session.scalars(select(settings.c.name)).all() == ["after"]
    until(lambda: not is_claimed(database), seconds=10)


def test_what_a_killed_writer_was_told_is_saved_is_saved_whole(tmp_path, database, url):
    writer = begin(ENDLESS, tmp_path, url, "Ann")
    told = [int(writer.stdout.readline()) for _ in range(20)]
    writer.kill()
    # Not `communicate`: it would not see the lines that are read ahead already.
    told += [int(line) for line in writer.stdout.read().split()]
    writer.communicate()
    with database.reading() as session:
        names = set(session.scalars(select(members.c.name)))
        seated = session.scalars(
            select(members.c.name).join(seats, seats.c.member == members.c.id)
        ).all()
    assert {f"Ann {number}" for number in told} <= names
    assert len(names) <= len(told) + 1
    assert sorted(seated) == sorted(names)


def test_the_tables_are_what_the_steps_have_made(database):
    with database.reading() as session:
        context = MigrationContext.configure(session, {"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == "0002"


FIRST_TABLES = ("members", "seats", "settings", "votes", "ballots")


def test_a_class_from_before_there_were_steps_goes_on(tmp_path, url):
    old = Database(tmp_path, url)
    room = Room(tmp_path, None, (), old)
    cookie = room.join(room.join_secret, "Ann")
    with old.changing() as session:
        for table in reversed(metadata.sorted_tables):
            if table.name not in FIRST_TABLES:
                table.drop(session)
        session.exec_driver_sql("DROP TABLE alembic_version")
    old.engine.dispose()
    again = Database(tmp_path, url)
    assert Room(tmp_path, None, (), again).seat(cookie).name == "Ann"
    with again.changing() as session:
        assert MigrationContext.configure(session).get_current_revision() == "0002"
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    again.engine.dispose()
    with pytest.raises(RoomError, match="newer minigpt"):
        Database(tmp_path, url)


def test_the_end_of_a_class_empties_the_files(tmp_path, database, url, request):
    room = Room(tmp_path, None, (), database)
    room.join(room.join_secret, "Rumpelstiltskin")
    votes.ask(room, "attention", ASKED)
    room.forget_all()
    place = tmp_path / FILE
    if url is not None:
        server = request.getfixturevalue("postgres")
        with database.reading() as session:
            session.execution_options(isolation_level="AUTOCOMMIT")
            session.exec_driver_sql("CHECKPOINT")
        place = server.folder / "data/base"
    files = [place] if place.is_file() else filter(Path.is_file, place.rglob("*"))
    assert not [each for each in files if b"Rumpelstilt" in each.read_bytes()]
    with database.reading() as session:
        for table in metadata.sorted_tables:
            left = session.execute(select(table)).all()
            assert {row.name for row in left} == (
                {"join", "teach"} if table is settings else set()
            )


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_that_was_away_is_found_again(tmp_path, database, postgres):
    room = Room(tmp_path, None, (), database)
    room.set("closed", True)
    postgres.control("stop", "-m", "immediate")
    with pytest.raises(RoomError, match="Nothing that was saved is lost"):
        room.setting("closed", None)
    answer = TestClient(Gate(None, Opened(room, "seat", 8501))).get(
        "/", cookies={"seat": "somebody"}
    )
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text  # the cause is for the terminal
    postgres.control("start")
    assert room.setting("closed", None) is True


UNREADABLE = {
    "nobody listens": ("postgresql://ann:s3cret@127.0.0.1:1/x", "refused"),
    "another engine": ("mysql://ann:s3cret@127.0.0.1/x", "'mysql'"),
    "no number": ("postgresql://ann:s3cret@127.0.0.1:port/x", "as in"),
    "no URL": ("s3cret", "as in"),
    "no such option": ("postgresql://ann:s3cret@127.0.0.1/x?colour=1", "colour"),
}


@pytest.mark.parametrize("which", UNREADABLE)
def test_what_is_wrong_with_a_url_is_one_line_without_the_password(tmp_path, which):
    url, words = UNREADABLE[which]
    with pytest.raises(RoomError, match=words) as caught:
        Database(tmp_path, url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_wrong_password_is_said_and_not_shown(tmp_path, url):
    with pytest.raises(RoomError, match="password authentication failed") as caught:
        Database(tmp_path, url.replace("ss-word", "wrong-one"))
    assert "wrong-one" not in str(caught.value)


def test_a_missing_driver_names_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RoomError, match=r"pip install 'psycopg\[binary\]'"):
        Database(tmp_path, "postgresql://127.0.0.1/x")
