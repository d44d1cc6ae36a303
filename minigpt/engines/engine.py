"""What an engine is, and which there are.

    submit    hand a run in                         `submitting.submit`
    state     `run.status()`, as of any other run
    log       `run.read_log()`: the job writes into the same file
    stop      `run.request_stop()`: it saves first
    resume    `submitting.submit` again: it goes on from its newest checkpoint

Only the first, and what has become of a job, is different from engine to engine.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from minigpt.runs.store import Run
from minigpt.storage.place import read_place

PYTHON = "MINIGPT_PYTHON"
"""The variable that says where a cluster's machines have Python; unset: as here."""

State = Literal["waits", "works", "given up"]
"""What a job does; the last, if its engine would not let it wait any longer."""


class Engine(Protocol):
    """A place where jobs wait for their turn and are run."""

    title: str
    """As it is called in a sentence."""

    def waiting(self) -> str:
        """Say in a few words where a run waits that is handed in now.

        Raises:
            RunError: If it cannot be reached.
        """

    def submit(self, run: Run) -> str:
        """Hand in a job that trains a run from its newest checkpoint, if there is one.

        Returns:
            What the job is called there.

        Raises:
            RunError: If it cannot be reached, or refuses.
        """

    def states(self, jobs: Sequence[str]) -> Mapping[str, State]:
        """Return what these jobs do; those that it leaves out have ended.

        Raises:
            RunError: If it cannot be reached: then nothing is known.
        """

    def cancel(self, job: str) -> None:
        """Let a job wait no more.

        Raises:
            RunError: If it cannot be reached.
        """


def training_command(run: Run) -> list[str]:
    """Return what a job runs: it goes on with a run from its newest checkpoint."""
    place = read_place(run.path)
    where = str(run.path.absolute()) if place is None else place.url
    python = os.environ.get(PYTHON) or sys.executable
    return [python, "-m", "minigpt", "train", "--resume", where]


def mark_of(run: Run) -> str:
    """Return what a job finds in `IN_JOB`: which training of the run it is."""
    place = read_place(run.path)
    return "1" if place is None else place.attempt
