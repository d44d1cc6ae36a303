"""What the class is doing: the last run of each learner, and what they keep."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from minigpt import spreadsheet
from minigpt.classroom.quotas import bytes_of
from minigpt.classroom.room import Member, Room
from minigpt.errors import RunError
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore


class Work(NamedTuple):
    """A learner, and what they made last."""

    member: Member
    num_bytes: int
    """On disk."""
    run: Run | None = None
    status: RunStatus | None = None

    @property
    def loss(self) -> float | None:
        """Validation loss of the last run, or else its training loss, in nats."""
        if self.status is None:
            return None
        found = self.status.validation_loss
        return self.status.train_loss if found is None else found


def works(room: Room) -> list[Work]:
    """Return what each learner of the class made last, by name."""
    return [_work(room, member) for member in room.members()]


def owners(room: Room) -> dict[str, str]:
    """Return the learners' names by the names of their data directories."""
    return {room.space_of(m.id).data.name: m.name for m in room.members()}


def run_of(room: Room, member: str, run: str) -> Run:
    """Return a learner's run.

    Raises:
        RunError: If there is none.
    """
    return RunStore(room.space_of(member).data / "runs").open(run)


def to_csv(room: Room) -> str:
    """Write every learner's runs as a table, the latest of each learner first."""
    header = ("name", "run", "state", "step", "training loss", "validation loss")
    return spreadsheet.to_csv(header, _rows(room))


def _rows(room: Room) -> Iterator[tuple[object, ...]]:
    for member in room.members():
        for run in RunStore(room.space_of(member.id).data / "runs").list():
            with suppress(RunError):  # damaged, or deleted meanwhile
                found = run.status()
                losses = (found.train_loss, found.validation_loss)
                yield (member.name, run.id, found.state, found.step, *losses)


def _work(room: Room, member: Member) -> Work:
    data = room.space_of(member.id).data
    size = bytes_of(data)
    for run in RunStore(data / "runs").list():
        try:
            return Work(member, size, run, run.status())
        except RunError:
            continue  # damaged, or deleted meanwhile
    return Work(member, size)
