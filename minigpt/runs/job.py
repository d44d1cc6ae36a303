"""The file that says that a run is trained elsewhere: `job.json` in its directory.

A run's lock tells whether a process of this machine trains it. Whether a cluster does,
only its scheduler knows: while the job of that number waits or works there, so does
the run, and nobody else may train it. Whoever looks asks the scheduler now and then,
and notes the end of a job that has not noted it itself: it was killed, or its node was
lost.

Next: `minigpt.engines`, which hands jobs in and asks for them.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from minigpt.atomic_writes import replace_file
from minigpt.errors import RunError
from minigpt.runs.ticket import has_ticket

IN_JOB = "MINIGPT_IN_JOB"
"""The variable that a job finds set."""
_FILE = "job.json"
STORAGE = "storage"
"""No cluster: a process somewhere, which is known by what it uploads."""
_ENGINES = ("slurm", "ray", STORAGE)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ADDRESS = re.compile(r"https?://[A-Za-z0-9_.:\[\]-]{1,255}(/[A-Za-z0-9_./-]{0,255})?")
"""What an address may look like: no user, no password, no question."""
TRUSTED = "RAY_API_SERVER_ADDRESS"
"""The variable with the address that may know Ray's token; Ray reads it, too."""
MOST_WORKERS = 1024


class Site(NamedTuple):
    """Where a run is trained, if not by a process of this machine."""

    engine: str
    """One of `minigpt.engines.submitting.ENGINES`."""
    address: str = ""
    """Of a Ray cluster's dashboard."""
    workers: int = 1
    """How many processes train it together."""


class Job(NamedTuple):
    """A run's last job."""

    engine: str
    """As of its `Site`, and so are `address` and `workers`."""
    id: str
    """What it is called there."""
    ended: bool = False
    address: str = ""
    workers: int = 1

    @property
    def site(self) -> Site:
        """Where it waits or works."""
        return Site(self.engine, self.address, self.workers)


def write_job(directory: Path, job: Job) -> None:
    """Note a run's job.

    Raises:
        OSError: If the file cannot be written.
    """
    replace_file(directory / _FILE, json.dumps(job._asdict()) + "\n")


def read_job(directory: Path) -> Job | None:
    """Return a run's last job; None if it was never trained elsewhere."""
    try:
        job = Job(**json.loads((directory / _FILE).read_text(encoding="utf-8")))
        # It becomes an argument of a command, and the file may be anybody's.
        is_one = (
            job.engine in _ENGINES
            and _ID.fullmatch(job.id)
            and (job.engine != "ray" or ADDRESS.fullmatch(job.address))
            and job.workers in range(1, MOST_WORKERS + 1)
        )
    except (OSError, ValueError, TypeError):
        return None
    return job if is_one else None


def forget_job(directory: Path) -> None:
    """Forget a run's job.

    Raises:
        OSError: If the file cannot be removed.
    """
    (directory / _FILE).unlink(missing_ok=True)


def is_elsewhere(directory: Path) -> bool:
    """Whether a job of this run waits or works, as far as anybody has noted."""
    job = read_job(directory)
    return job is not None and not job.ended


def require_idle(directory: Path) -> None:
    """Check that a run neither waits nor is trained elsewhere; its lock is yours.

    Raises:
        RunError: If it does or is.
    """
    if has_ticket(directory) or is_elsewhere(directory):
        raise RunError(
            f"The run {directory.name!r} is already being trained or waits for its "
            "turn: watch it, or stop it first."
        )


def end_job(directory: Path) -> None:
    """Note that a run's job has ended, if it has one.

    Raises:
        OSError: If the file cannot be written.
    """
    job = read_job(directory)
    if job is not None and not job.ended:
        write_job(directory, job._replace(ended=True))
