"""Keeps a run's status fresh: one thread, one small file, about once a second."""

import contextlib
import threading
from pathlib import Path
from typing import Any, Self

from minigpt.runs.status import RunStatus, State, write_status

_PERIOD_SECONDS = 1.0


class Heartbeat:
    """Writes the status of a run for as long as the context lasts.

    `update` is cheap, so it may be called at every step; a thread writes the file,
    which also shows that the process is alive during a long step.

    Args:
        directory: The run's directory.
        status: The run's status so far.
    """

    def __init__(self, directory: Path, status: RunStatus) -> None:
        self._directory = directory
        self._status = status
        self._changes: dict[str, Any] = {}
        self._guard = threading.Lock()
        self._write_guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self.flush()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def status(self) -> RunStatus:
        """The run's status, with every update applied."""
        with self._guard:
            if self._changes:
                self._status = self._status.replace(**self._changes)
                self._changes = {}
            return self._status

    def update(self, **changes: Any) -> None:
        """Change fields of the status; they are written with the next beat."""
        with self._guard:
            self._changes.update(changes)

    def enter_state(self, state: State, **changes: Any) -> None:
        """Change the state, and write it at once."""
        self.update(state=state, **changes)
        self.flush()

    def flush(self) -> None:
        """Write the status now."""
        with self._write_guard:
            write_status(self._directory, self.status)

    def _beat(self) -> None:
        while not self._ended.wait(_PERIOD_SECONDS):
            # A full disk must not end the training; the next beat may succeed.
            with contextlib.suppress(OSError):
                self.flush()
