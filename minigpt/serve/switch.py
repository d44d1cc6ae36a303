"""A switch: servers that another process, such as the app, starts and stops.

A server ends with the process that started it: its standard input is a pipe whose other
end only that process holds. It answers this machine alone, at any free port.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from minigpt.errors import RunError
from minigpt.serve.needed import require_packages
from minigpt.worker.processes import child_environment

_ADDRESS = re.compile(rb"answers at (http://\S+)")


@dataclass(frozen=True)
class Running:
    """A server that was started here."""

    name: str
    """What clients call its model."""
    address: str
    """What they call `base_url`."""
    process: "subprocess.Popen[bytes]"


# At module level, because a web server may clear its caches while processes run.
_servers: dict[str, Running] = {}
_lock = Lock()


def running() -> list[Running]:
    """Return the servers that answer now."""
    for name, server in list(_servers.items()):
        if server.process.poll() is not None:
            _servers.pop(name, None)
    return list(_servers.values())


def start(path: Path, name: str) -> Running:
    """Serve a checkpoint, and return when it answers; one that does is returned.

    Args:
        path: The checkpoint's directory.
        name: What clients call it.

    Raises:
        ConfigError: If a package is missing.
        RunError: If no server comes up.
    """
    require_packages()
    command = [sys.executable, "-m", "minigpt", "serve", "--follow_stdin"]
    command += ["--port", "0", "--model", str(path.absolute()), "--name", name]
    with _lock:
        for server in running():
            if server.name == name:
                return server
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=child_environment(),
        )
        line = process.stdout.readline() if process.stdout else b""
        found = _ADDRESS.search(line)
        if found is None:
            process.kill()
            process.wait()
            raise RunError(f"{name} cannot be served; the terminal says why.")
        _servers[name] = Running(name, found[1].decode(), process)
        return _servers[name]


def stop(name: str) -> None:
    """Stop a server, if it runs; requests under way get some seconds to end."""
    with _lock:
        server = _servers.pop(name, None)
    if server is not None:
        if server.process.stdin is not None:
            server.process.stdin.close()
        server.process.wait()
