"""The ways to ask a training process to save and stop.

Ctrl-C or a termination signal, the `stop` file in the run's directory, and, for a
process started by another one, the end of its standard input.
"""

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Self

from minigpt.runs.lock import RunLock

_STDIN = 0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ParentProcess(NamedTuple):
    """What a training process inherits from the process that started it."""

    follow_stdin: bool = False
    """Whether the end of standard input asks to save and stop."""
    lock: RunLock | None = None
    """The run's lock, if the parent took it; else the process takes it itself."""


class StopRequests:
    """Watches for requests while it is entered; checked once per training step.

    The first Ctrl-C asks to save and stop. A second one interrupts at once.

    Args:
        directory: The run's directory, where a `stop` file may appear.
        follow_stdin: Whether the end of standard input is a request, too.
    """

    def __init__(self, directory: Path, *, follow_stdin: bool = False) -> None:
        self._stop_file = directory / "stop"
        self._follow_stdin = follow_stdin
        self._asked = threading.Event()
        self._previous: dict[int, Any] = {}
        self.signal_number: int | None = None
        """The signal that requested the stop, if one did."""

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._on_signal)
        if self._follow_stdin:
            threading.Thread(
                target=self._wait_for_the_end_of_stdin, daemon=True
            ).start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def requested(self) -> bool:
        """Whether a stop was requested."""
        return self._asked.is_set() or self._stop_file.exists()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number
        self._asked.set()

    def _wait_for_the_end_of_stdin(self) -> None:
        # Not sys.stdin: at exit, Python waits for a thread that reads from it.
        while os.read(_STDIN, 1024):
            pass
        self._asked.set()
