"""Reports progress before the first training step.

Reading and encoding a large text takes minutes. Meanwhile the run's status and the
shell show how much is done and how long the rest will take, and a request to stop is
obeyed.
"""

import time
from collections.abc import Callable

from minigpt.runs.heartbeat import Heartbeat
from minigpt.worker.stop_requests import StopRequests

Show = Callable[[str, float | None], None]
"""Displays an activity (`encoding the text, 31%`) and the seconds left."""

_TRUSTED = 0.02
"""Share of the work after which the remaining time is estimated."""


class PreparationProgress:
    """Reports the current activity and its share done to the status and the shell.

    Args:
        heartbeat: Writes the run's status.
        requests: Where a request to stop arrives.
        show: Displays it in the shell (none: there is no shell).
    """

    def __init__(
        self, heartbeat: Heartbeat, requests: StopRequests, show: Show | None = None
    ) -> None:
        self._heartbeat, self._requests, self._show = heartbeat, requests, show
        self._activity = ""
        self._began, self._first_share = 0.0, 0.0

    def __call__(self, activity: str, share: float) -> None:
        """Report the progress of an activity.

        Args:
            activity: What is being done.
            share: The share of it that is done; 0 if unknown.

        Raises:
            KeyboardInterrupt: If a stop was requested.
        """
        if self._requests.requested():
            raise KeyboardInterrupt
        if activity != self._activity:
            self._activity = activity
            self._began, self._first_share = time.monotonic(), share
        words = f"{activity}, {share:.0%}" if share else activity
        left = self._seconds_left(share)
        self._heartbeat.update(activity=words, eta_seconds=left)
        if self._show is not None:
            self._show(words, left)

    def _seconds_left(self, share: float) -> float | None:
        done = share - self._first_share
        if done < _TRUSTED:
            return None
        return (time.monotonic() - self._began) * (1 - share) / done
