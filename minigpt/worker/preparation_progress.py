"""What happens before the first step, told while it happens.

Reading and encoding a large text takes minutes. Meanwhile the run's status says how far
it is and how long it will take, a person at the shell reads the same, and a request to
stop is heard.
"""

import time
from collections.abc import Callable

from minigpt.runs.heartbeat import Heartbeat
from minigpt.worker.stop_requests import StopRequests

Show = Callable[[str, float | None], None]
"""Shows a person an activity (`encoding the text, 31%`) and the seconds left."""

_TRUSTED = 0.02
"""Share of the work after which its speed says when it ends."""


class PreparationProgress:
    """Takes what is being done, and which share of it is done, wherever it is read.

    Args:
        heartbeat: Writes the run's status.
        requests: Who may ask to stop.
        show: Shows it to a person (none: nobody is there).
    """

    def __init__(
        self, heartbeat: Heartbeat, requests: StopRequests, show: Show | None = None
    ) -> None:
        self._heartbeat, self._requests, self._show = heartbeat, requests, show
        self._activity = ""
        self._began, self._first_share = 0.0, 0.0

    def __call__(self, activity: str, share: float) -> None:
        """Tell of it.

        Args:
            activity: What is being done.
            share: Which share of it is done; 0 if that is not known.

        Raises:
            KeyboardInterrupt: If somebody asked to stop.
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
