"""A Streamlit server of a test's own, started and awaited as `launch.py` does it."""

import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
launch = runpy.run_path(str(ROOT / "launch.py"), run_name="launch")


@contextmanager
def serve_script(script: Path, log: Path, **environment: str) -> Iterator[int]:
    """Serve a script on a free port, until the block ends; yield the port."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = ["--server.address", "127.0.0.1", "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *address],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            launch["wait_until_healthy"](process, port)
            yield port
        finally:
            launch["stop"](process)
