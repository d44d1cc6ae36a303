"""Buckets of the tests' own: a real S3 server, and a folder where none is installed."""

import contextlib
import logging
import secrets
from pathlib import Path

import pytest

from minigpt.storage import keeping

KEY = f"key-{secrets.token_hex(8)}"
SECRET = f"word-{secrets.token_hex(16)}"


class Folder:
    """A bucket in a folder."""

    def __init__(self, path: Path) -> None:
        self.path, self.url = path, f"file://{path}/runs"
        (path / "runs").mkdir(parents=True)

    @contextlib.contextmanager
    def away(self):
        """Let nobody reach it for a while."""
        aside = self.path.with_name("aside")
        if self.path.exists():
            self.path.rename(aside)
        self.path.write_text("in the way")
        yield
        self.path.unlink()
        if aside.exists():
            aside.rename(self.path)


class Server:
    """A bucket of an S3 server of this machine."""

    def __init__(self, server, name: str) -> None:
        self._server, self.url = server, f"s3://{name}/runs"

    @contextlib.contextmanager
    def away(self):
        """Let nobody reach it for a while; what it holds stays in this process."""
        self._server.stop()
        yield
        self._server.start()


@pytest.fixture(scope="session")
def s3_server():
    server = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    _, running._port = running.get_host_and_port()
    yield running
    running.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """Return a new bucket of the server, to which the environment leads."""
    import fsspec

    host, port = s3_server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    files = fsspec.get_filesystem_class("s3")
    files.clear_instance_cache()
    name = f"bucket-{secrets.token_hex(4)}"
    files().mkdir(name)
    yield Server(s3_server, name)
    files.clear_instance_cache()


@pytest.fixture(params=["folder", "s3"])
def bucket(request, tmp_path):
    """Return a bucket, of each kind."""
    if request.param == "s3":
        return request.getfixturevalue("s3")
    return Folder(tmp_path / "bucket")


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    """Upload all the time, and give up soon."""
    monkeypatch.setattr(keeping, "EVERY", 0.1)
    monkeypatch.setattr(keeping, "LONGEST", 0.1)
    monkeypatch.setattr(keeping, "PATIENCE", 10.0)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return how to go to another machine: one with data of its own."""

    def go(name: str) -> Path:
        monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / name))
        return tmp_path / name / "runs"

    return go
