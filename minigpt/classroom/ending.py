"""The end of a class: trainings are stopped, and everything is deleted.

Also of one learner, who leaves for good.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from minigpt.classroom.quotas import at_work
from minigpt.classroom.room import Room
from minigpt.errors import RoomError, RunError
from minigpt.runs.status import withdraw
from minigpt.runs.store import RunStore
from minigpt.worker import processes

PATIENCE = 3.0
"""Seconds that a training has to stop by itself; what it would save is deleted."""


def remove(room: Room, member: str) -> None:
    """Remove a learner with all that they made.

    Raises:
        RoomError: If their files cannot be deleted.
    """
    own = room.space_of(member).data
    room.remove(member)  # first, so that nothing new begins
    _clear(own)


def wipe(room: Room) -> None:
    """Delete every learner, their work, shared models and votes; links become new.

    Raises:
        RoomError: If a file cannot be deleted.
    """
    space = room.space_of(None)
    room.forget_all()
    inside = list(space.everyone.iterdir()) if space.everyone.is_dir() else []
    problems = []
    for own in [*inside, space.shared]:
        try:
            _clear(own)
        except RoomError as error:  # the others' work is deleted nevertheless
            problems.append(str(error))
    if problems:
        raise RoomError(" ".join(problems))


def _clear(own: Path) -> None:
    try:
        if own.is_dir():
            _end_trainings(own)
            shutil.rmtree(own)
        else:  # a file of a system's own, such as macOS's .DS_Store
            own.unlink(missing_ok=True)
    except OSError as error:
        raise RoomError(
            f"{own} cannot be deleted ({error.strerror}): delete it by hand."
        ) from None


def _end_trainings(own: Path) -> None:
    """End what is at work; what has ended meanwhile, or is damaged, is left alone."""
    for waiting in RunStore(own / "runs").list():
        with suppress(RunError):
            withdraw(waiting.path)
    runs = at_work(own)
    for run in runs:
        with suppress(RunError, OSError):
            run.request_stop()
    for run in runs:
        with suppress(RunError, OSError):
            processes.end(run, PATIENCE)
