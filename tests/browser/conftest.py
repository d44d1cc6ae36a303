"""A real server for the browser, and small random models."""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit_server import ROOT, serve_script


@dataclass
class Server:
    """Where the app answers, and where its models and runs lie."""

    url: str
    data: Path
    log: Path


@contextmanager
def serve(data: Path) -> Iterator[Server]:
    """Start the app and wait until it answers."""
    log = data / "server.log"
    with serve_script(ROOT / "app.py", log, MINIGPT_DATA=str(data)) as port:
        yield Server(f"http://127.0.0.1:{port}", data, log)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Return a data directory with a transformer `glass` and an MLP `mlp`."""
    make_models = runpy.run_path(str(ROOT / "tests/pages/make_models.py"))
    return make_models["make_models"](tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def all_models(tmp_path_factory) -> Path:
    """Return a data directory of a module's own, with all that a page may open."""
    data = tmp_path_factory.mktemp("clicks")
    for name in ("make_models", "make_chat_models"):
        runpy.run_path(str(ROOT / f"tests/pages/{name}.py"))[name](data)
    return data


@pytest.fixture(scope="session")
def serve_app():
    """Return the way to start a server of one's own."""
    return serve


@pytest.fixture(scope="session")
def server(data, chromium_program) -> Iterator[Server]:
    """Start one server for all tests that need no fresh one."""
    with serve(data) as running:
        yield running


@pytest.fixture
def own_server(tmp_path, chromium_program) -> Iterator[Server]:
    """Start a server without any model."""
    with serve(tmp_path) as running:
        yield running
