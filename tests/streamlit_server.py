"""A Streamlit server of a test's own, awaited as `serve.py` awaits it."""

import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ROOT = Path(__file__).parent.parent
serve = runpy.run_path(str(ROOT / "serve.py"), run_name="serve")

_left: list[int] = []
"""Ports of servers that have ended: a browser holds their scripts, compiled."""


@contextmanager
def serve_script(
    script: Path, log: Path, *options: str, **environment: str
) -> Iterator[int]:
    """Run a script once and serve it on a free port, until the block ends."""
    port = _free_port()
    address = ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command = ["-m", "streamlit", "run", str(script), *address]
    if script == ROOT / "app.py":  # as `launch.py` starts it, behind its doors
        command = ["serve.py", "--no-browser", "--port", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            serve["wait_until_ready"](port, alive=lambda: process.poll() is None)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _left.append(port)


def _free_port() -> int:
    """Return a port of a server that has ended, or a new one."""
    while _left:
        port = _left.pop()
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_run(port: int, page: str) -> list[ForwardMsg]:
    """Open a page by its link, as a browser does, and return what it is sent."""
    request = BackMsg()
    request.rerun_script.page_name = page
    answers = [ForwardMsg()]
    url = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(url, subprotocols=["streamlit"], max_size=None) as session:
        session.send(request.SerializeToString())
        while answers[-1].WhichOneof("type") != "script_finished":
            answers.append(ForwardMsg.FromString(session.recv(timeout=60)))
    return answers
