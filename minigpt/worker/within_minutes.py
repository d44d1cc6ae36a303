"""A learner's training ends when the minutes of all their trainings are used up."""

import os
import time

from minigpt.classroom.quotas import MINUTES, used_up
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.store import Run, RunStore
from minigpt.training.callbacks import TrainerCallback

_LOOK_EVERY = 5.0


class WithinMinutes(TrainerCallback):
    """Stops a training that would take more minutes than its learner has.

    Args:
        run: The run.
        heartbeat: Says in its status why it stopped.
    """

    def __init__(self, run: Run, heartbeat: Heartbeat) -> None:
        minutes = os.environ.get(MINUTES)
        self._minutes = None if minutes is None else int(minutes)
        self._store = RunStore(run.path.parent)
        self._heartbeat = heartbeat
        self._looked = 0.0

    def should_stop(self) -> bool:
        """Whether the minutes are used up; looked up every few seconds."""
        now = time.monotonic()
        if self._minutes is None or now - self._looked < _LOOK_EVERY:
            return False
        self._looked = now
        words = used_up(self._store, self._minutes)
        if words:
            self._heartbeat.update(note=words)
        return bool(words)
