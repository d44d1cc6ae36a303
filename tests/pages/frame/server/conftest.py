"""A small app behind the real doors, and a witness of whom its process calls."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit_server import ROOT, serve

APP = """
import streamlit as st
from pages.frame.server import local, uploads

def main():
    uploads.begin()
    if st.query_params.get("asks") == "yes":
        uploads.uploader("A file", megabytes=1, key="file")
    st.write("local" if local.is_local() else "shared")

page = st.Page(main, title="main", default=True)
st.navigation([page]).run()
"""

WITNESS = """
import os, sys

def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = arguments[1] if event != "socket.getaddrinfo" else arguments[0]
        name = where[0] if isinstance(where, tuple) else where
        if name not in (None, "127.0.0.1", "localhost", "::1", "0.0.0.0", ""):
            with open(os.environ["WITNESS"], "a") as file:
                file.write(f"{event} {arguments[1:]}\\n")

sys.addaudithook(hear)
"""


@dataclass
class Server:
    """Where the small app answers."""

    port: int
    calls: Path
    """What it asked of other machines, a line each."""

    def asked_outside(self) -> str:
        """Return whom the process called."""
        return self.calls.read_text() if self.calls.exists() else ""


def make_project(folder: Path) -> None:
    """Copy what serves, with an app of one page."""
    shutil.copy(ROOT / "serve.py", folder)
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    shutil.copytree(ROOT / "pages/frame/server", folder / "pages/frame/server")
    (folder / "app.py").write_text(APP)
    (folder / "witness").mkdir()
    (folder / "witness/sitecustomize.py").write_text(WITNESS)


def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Serve the small app until the block ends."""
    make_project(folder)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    calls = folder / "calls"
    environment = {"PYTHONPATH": f"{folder / 'witness'}:{ROOT}", "WITNESS": str(calls)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "serve.py", f"--port={port}", "--no-browser", *options],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            serve["wait_until_ready"](port, alive=lambda: process.poll() is None)
            yield Server(port, calls)
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0, (folder / "log").read_text()


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Iterator[Server]:
    """Serve for one person at this machine."""
    yield from serving(tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Iterator[Server]:
    """Serve for the network."""
    named = ("--allow-host", "School.example", "--allow-frame", "https://frame.example")
    yield from serving(
        tmp_path_factory.mktemp("shared"), "--share", "--no-links", *named
    )
