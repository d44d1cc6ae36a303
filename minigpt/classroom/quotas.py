"""A learner's share of the machine: trainings at once, and bytes on the disk.

What costs something asks here before it begins: a training, a text that is kept, a
model that is brought. Nothing is refused without a class, nor to the teacher.
"""

import os
from pathlib import Path

from minigpt import spaces
from minigpt.errors import RoomError, RunError
from minigpt.runs.store import Run, RunStore


def require_may_train() -> None:
    """Check that one more training may begin.

    Raises:
        RunError: If the learner or the class trains enough, or keeps too much.
    """
    space = spaces.current()
    if space is None or space.limits is None:
        return
    most = space.limits.runs
    if len(at_work(space.data)) >= most:
        raise RunError(
            f"You have {most} {_trainings(most)} at work, as many as each may have: "
            "stop one, or wait until it ends."
        )
    most = space.limits.runs_together
    if sum(len(at_work(own)) for own in _inside(space.everyone)) >= most:
        raise RunError(
            f"The class has {most} {_trainings(most)} at work, as many as it may have: "
            "wait until one ends."
        )
    if words := _too_much(space.data, space.limits, 0):
        raise RunError(words)


def require_bytes(more: int) -> None:
    """Check that something more may be kept.

    Args:
        more: Its size, in bytes.

    Raises:
        RoomError: If it would be more than each may keep.
    """
    space = spaces.current()
    if space is None or space.limits is None:
        return
    if words := _too_much(space.data, space.limits, more):
        raise RoomError(words)


def require_may_fetch() -> None:
    """Check that a model may be fetched from the internet.

    Raises:
        RoomError: If a learner asks.
    """
    space = spaces.current()
    if space is not None and space.limits is not None:
        raise RoomError(
            "In a class, only the teacher fetches models from the internet. Ask your "
            "teacher to load this one and to share it."
        )


def at_work(data: Path) -> list[Run]:
    """Return the runs of a data directory that a process is training."""
    return [run for run in RunStore(data / "runs").list() if _has_process(run)]


def bytes_of(data: Path) -> int:
    """Return how many bytes a directory holds, with all that is in it."""
    total = 0
    for folder, _, names in os.walk(data):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
            except OSError:
                continue  # deleted meanwhile
    return total


def _too_much(data: Path, limits: spaces.Limits, more: int) -> str:
    """Say that so many bytes more would be too much; empty: they are not."""
    used, most = bytes_of(data), limits.megabytes * 10**6
    if used + more <= most:
        return ""
    return (
        f"You keep {used / 1e6:,.0f} MB, and each may keep {most / 1e6:,.0f} MB. "
        "Delete a run or a text in the Library, and empty its trash."
    )


def _has_process(run: Run) -> bool:
    try:
        status = run.status()
    except RunError:
        return False
    return status.is_alive and status.pid is not None


def _inside(everyone: Path) -> list[Path]:
    return list(everyone.iterdir()) if everyone.is_dir() else []


def _trainings(number: int) -> str:
    return "training" if number == 1 else "trainings"
