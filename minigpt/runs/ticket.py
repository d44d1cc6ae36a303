"""The file that says that a run waits for its turn: `ticket.json` in its directory.

It is written when a run joins the queue, and deleted when the run begins or is
withdrawn. Nothing else says who waits, so the queue survives every process that looks
at it.

Next: `minigpt.worker.queue`, which tells whose turn it is.
"""

import json
from pathlib import Path
from typing import NamedTuple

from minigpt.atomic_writes import replace_file

_FILE = "ticket.json"


class Ticket(NamedTuple):
    """Since when a run waits, and for what."""

    since: float = 0.0
    """When it joined the queue, in Unix seconds."""
    resume: bool = False
    """Whether it goes on from a checkpoint."""
    step: int | None = None
    """Of the checkpoint that was chosen; None: the newest."""
    together: str | None = None
    """Runs with the same word here begin at the same time: a race."""
    seconds: float | None = None
    """How long it will take, if somebody has estimated that."""
    runs: int | None = None
    """Trainings at once of the learner whose run it is; None: no limit."""
    minutes: int | None = None
    """Minutes of training of that learner, all together; None: no limit."""


def write_ticket(directory: Path, ticket: Ticket) -> None:
    """Let a run wait for its turn.

    Raises:
        OSError: If the file cannot be written.
    """
    text = json.dumps(ticket._asdict(), indent=1) + "\n"
    replace_file(directory / _FILE, text)


def has_ticket(directory: Path) -> bool:
    """Whether a run waits for its turn."""
    return (directory / _FILE).exists()


def read_ticket(directory: Path) -> Ticket | None:
    """Return a run's ticket; None if it does not wait.

    A file that is damaged is still a place in the queue: the first.
    """
    try:
        content = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        return Ticket(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return Ticket()


def forget_ticket(directory: Path) -> None:
    """Let a run wait no more."""
    (directory / _FILE).unlink(missing_ok=True)
