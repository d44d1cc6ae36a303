"""A class with a teacher and two learners, one of whom has made something."""

import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from classroom import postgresql
from streamlit.testing.v1 import AppTest

from minigpt import spaces
from minigpt.classroom.database import Database
from minigpt.classroom.opened import Opened, open_room
from minigpt.classroom.room import Room
from minigpt.config import RunConfig
from minigpt.runs.store import Run, RunStore
from minigpt.spaces import Limits

ROOT = Path(__file__).parents[2]


class Class(NamedTuple):
    """A class, the cookies of those who are in, and what Ann has made."""

    room: Room
    opened: Opened
    teacher: str
    ann: str
    bob: str
    run: Run
    """Ann's, with a model."""

    def id_of(self, cookie: str) -> str:
        """Return a learner's id."""
        return self.room.seat(cookie).member

    def works_as(self, cookie: str) -> None:
        """Let this test's process be a member's session."""
        member = self.room.seat(cookie).member
        spaces.find_by(lambda: self.room.space_of(member))


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Return a data directory with small random models."""
    make_models = runpy.run_path(str(ROOT / "tests/pages/make_models.py"))
    return make_models["make_models"](tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """Start a server of PostgreSQL; one for all tests."""
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql.running() as server:
        yield server


@pytest.fixture
def engine() -> str:
    """Return where a class is kept; a file of tests may choose otherwise."""
    return "sqlite"


@pytest.fixture
def url(request, engine) -> str | None:
    """Return the URL of a new database; None: a file."""
    if engine == "sqlite":
        return None
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def school(made, tmp_path, url) -> Iterator[Class]:
    """Open a class; close it after the test."""
    data = tmp_path / "data"
    data.mkdir()
    shipped = made / "models"
    limits = Limits(runs=1, waiting=2, minutes=3, megabytes=5, learners=4)
    folder = data / "room"
    folder.mkdir()
    room = Room(folder, limits, (shipped,), Database(folder, url))
    teacher = room.teach(room.teach_secret)
    ann, bob = (room.join(room.join_secret, name) for name in ("Ann", "Bob"))
    run = make_run(room.space_of(room.seat(ann).member).data, "hers", made)
    opened = Opened(room, "seat", 8501)
    open_room(opened)
    yield Class(room, opened, teacher, ann, bob, run)
    open_room(None)
    spaces.find_by(None)
    room.database.engine.dispose()


@pytest.fixture
def open_as(school, made, monkeypatch):
    """Return a function that opens a page as the bearer of a cookie."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("MINIGPT_DATA", str(made))
    monkeypatch.setenv("MINIGPT_COVER", "on")
    for module in ("minigpt.places", "minigpt.library.catalogue"):
        monkeypatch.setattr(f"{module}.shipped_models", lambda: made / "models")
    from pages.frame.room import seats

    spaces.find_by(seats.space)

    def open_(cookie: str | None, page: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=100)
        if cookie is not None:
            app.session_state["_seat"] = cookie
        for key, value in query.items():
            app.query_params[key] = value
        if page:
            app.switch_page(page)
        return app.run()

    return open_


def make_run(data: Path, name: str, made: Path) -> Run:
    """Put a run with a model into a data directory."""
    run = RunStore(data / "runs").create(RunConfig(), name)
    source = made / "models/glass/checkpoints/checkpoint_step_100"
    shutil.copytree(source, run.path / "checkpoints/best_model")
    shutil.copytree(source, run.path / "checkpoints/checkpoint_step_100")
    return run
