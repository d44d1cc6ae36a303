"""A learner's share of the machine: minutes of training, and bytes on the disk.

How many trainings are at work at once is no question here: more of them wait, see
`minigpt.worker.queue`.

What costs something asks here before it begins: a training, a text that is kept, a
model that is brought. Nothing is refused without a class, nor to the teacher.
"""

import os
from pathlib import Path

from minigpt import spaces
from minigpt.errors import RoomError, RunError
from minigpt.runs.store import Run, RunStore
from minigpt.runs.ticket import has_ticket
from minigpt.runs.time_spent import seconds_spent

MINUTES = "MINIGPT_MINUTES"
"""The variable that tells a training process how many minutes its learner has."""


def require_may_train() -> None:
    """Check that one more training may join the queue.

    Raises:
        RunError: If the learner has too many waiting, keeps too much, or has used all
            their minutes.
    """
    space = spaces.current()
    if space is None or space.limits is None:
        return
    store, limits = RunStore(space.data / "runs"), space.limits
    if sum(has_ticket(run.path) for run in store.list()) >= limits.waiting:
        raise RunError(
            f"You have {limits.waiting} {_runs(limits.waiting)} waiting, as many as "
            "each may have: withdraw one, or wait until one begins."
        )
    words = used_up(store, limits.minutes) or _too_much(space.data, limits, 0)
    if words:
        raise RunError(words)


def used_up(store: RunStore, minutes: int | None) -> str:
    """Say that a learner has no minutes of training left; empty: there are some.

    Args:
        store: The learner's runs.
        minutes: What each may use; None: no limit.
    """
    if minutes is None or seconds_spent(store) < 60 * minutes:
        return ""
    return (
        f"You have used your {minutes} minute{'s' * (minutes != 1)} of training. What "
        "was trained is saved and can be opened. If you need more time, ask your "
        "teacher."
    )


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


def _runs(number: int) -> str:
    return "run" if number == 1 else "runs"
