"""Processes that serve the app together, each started again whenever it ends.

Each process of the app holds the end of a pipe, and stops when the pipe closes:
whatever happens to the process that started it, none is left behind. For nginx, a
process does so that runs it: `following`.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Self

from minigpt.errors import RunError
from minigpt.hosting.nginx import configuration, find_nginx

LOOK_EVERY = 0.2
"""Seconds between two looks at who has ended."""

FOLLOWING = (sys.executable, "-m", "minigpt.hosting.following")
"""What stands before the command line of a program that ends with its starter."""

_PATIENCE = 10.0
_STDIN = 0


class Kept:
    """A process that is started again when it ends.

    Args:
        name: What it is called.
        command: Its command line.
        environment: What it finds in its environment.
        wait_until_ready: Returns as soon as it serves; called in a thread of its own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        wait_until_ready: Callable[[], None],
    ) -> None:
        self._name = name
        self._command, self._environment = list(command), dict(environment)
        self._wait_until_ready = wait_until_ready
        self._process, self._ready = self._start()

    def _start(self) -> "tuple[subprocess.Popen[bytes], threading.Event]":
        process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, and we end it
        )
        ready = threading.Event()

        def watch() -> None:
            with suppress(TimeoutError):  # whoever greets the reader says so
                self._wait_until_ready()
                ready.set()

        threading.Thread(target=watch, daemon=True).start()
        return process, ready

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        return self._ready.is_set()

    def look(self) -> None:
        """Start it again if it has ended.

        Raises:
            RunError: If it ended before it could serve.
        """
        if self._process.poll() is None:
            return
        if not self.is_ready:
            raise RunError(
                f"{self._name} ended before it could serve. It said why, above."
            )
        self._process, self._ready = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and wait until it has ended."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(
    address: str,
    port: int,
    apps: Mapping[int, Sequence[str]],
    environment: Mapping[str, str],
    wait_until_ready: Callable[[int], None],
) -> None:
    """Serve one address by several processes, until a signal interrupts.

    Args:
        address: Where browsers come, as in `0.0.0.0`.
        port: And at which port.
        apps: The command line of each process, by the port where it listens.
        environment: Of the processes.
        wait_until_ready: Asks a process, by its port, for its first page: only then
            does it know all of its pages.

    Raises:
        RunError: If nginx or a process does not start.
    """
    nginx = find_nginx()
    if nginx is None:
        raise RunError("nginx is not installed.")
    with tempfile.TemporaryDirectory(prefix="minigpt-") as folder, ExitStack() as alive:
        file = Path(folder) / "nginx.conf"
        file.write_text(configuration(address, port, list(apps), Path(folder)), "utf-8")
        kept = [
            alive.enter_context(
                Kept("The app", command, environment, partial(wait_until_ready, at))
            )
            for at, command in apps.items()
        ]
        is_open = False
        while True:
            if not is_open and all(each.is_ready for each in kept):
                command = [*FOLLOWING, nginx, "-p", folder, "-c", str(file)]
                command += ["-e", "stderr"]
                ready = partial(wait_until_ready, port)
                front = Kept("nginx", command, os.environ, ready)
                kept.append(alive.enter_context(front))
                is_open = True
            time.sleep(LOOK_EVERY)
            for each in kept:
                each.look()


def end_with_parent() -> None:
    """Let this process end as by Ctrl-C when the one that has started it ends."""

    def watch() -> None:
        while os.read(_STDIN, 1024):
            pass
        # Of all threads, the first one may be waiting, and only its own wakes it.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
