"""A Ray cluster of the tests' own: one machine, two CPUs, nothing sent anywhere."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from patience import until

START = (sys.executable, "-m", "ray.scripts.scripts", "start")
ROOT = Path(__file__).parents[2]


def is_installed() -> bool:
    """Whether Ray is there, with its dashboard."""
    found = importlib.util.find_spec
    return all(found(name) is not None for name in ("ray", "aiohttp", "opencensus"))


class Cluster(NamedTuple):
    """Where it is, and what runs it."""

    address: str
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """Start a cluster.

    It lets those in who know the token in RAY_AUTH_TOKEN.
    """
    address = f"http://127.0.0.1:{(dashboard := _free())}"
    ports = {"port": _free(), "dashboard-port": dashboard}
    ports |= {"dashboard-agent-listen-port": _free(), "ray-client-server-port": _free()}
    ports |= {"min-worker-port": 0, "max-worker-port": 0}
    words = [f"--{name}={port}" for name, port in ports.items()]
    words += ["--head", "--block", "--num-cpus=2", "--disable-usage-stats"]
    words += ["--object-store-memory=80000000", "--dashboard-host=127.0.0.1"]
    words += ["--node-ip-address=127.0.0.1"]
    own = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    own |= {"RAY_AUTH_MODE": "token", "RAY_worker_niceness": "0"}
    own |= {"RAY_raylet_start_wait_time_s": "240"}
    # Its sockets' paths must be short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as short:
        with (Path(short) / "start.log").open("wb") as log:
            process = subprocess.Popen(
                [*START, *words, f"--temp-dir={short}"],
                stdout=log,
                stderr=log,
                env={**os.environ, **own},
                start_new_session=True,
            )
        try:
            until(lambda: _knows_its_machine(address), seconds=240)
            yield Cluster(address, process)
        except AssertionError as error:
            error.add_note((Path(short) / "start.log").read_text()[-2000:])
            raise
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a cluster, gently at first; its jobs end with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(10)


def _knows_its_machine(address: str) -> bool:
    token = {"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
    asked = urllib.request.Request(f"{address}/api/cluster_status", headers=token)
    try:
        with urllib.request.urlopen(asked, timeout=5) as said:
            return "CPU" in json.dumps(json.load(said))
    except OSError:
        return False


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
