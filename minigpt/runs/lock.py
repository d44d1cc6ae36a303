"""One writer per run: a lock that the operating system drops when its holder dies.

A file with a process id in it would outlive a killed process, and the id may be reused
by another program. `flock` has neither fault, so the lock also shows whether the
process is alive: a run whose status is "running" while its lock is free was
interrupted.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt.errors import RunError

# A process that only checks the lock holds it for a moment: wait for that.
_PATIENCE_SECONDS = 0.5


class RunLock:
    """The right to write into a run's directory, until released or the process dies."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, directory: Path) -> "RunLock":
        """Take the lock of a run.

        Args:
            directory: The run's directory.

        Raises:
            RunError: If another process holds it.
        """
        descriptor = _lock_within(directory / "lock", _PATIENCE_SECONDS)
        if descriptor is None:
            raise RunError(
                f"The run {directory.name!r} is already being trained by another "
                "process: watch it, or stop it first."
            )
        return cls(descriptor)

    @classmethod
    def inherited(cls, descriptor: int) -> "RunLock":
        """Adopt a lock that the parent process acquired and passed on."""
        return cls(descriptor)

    def release(self) -> None:
        """Release the lock, once. A child process that inherited it keeps it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def is_locked(directory: Path) -> bool:
    """Whether a living process holds the lock of a run, another user's too."""
    # Windows locks bytes only for who may write them.
    access = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY
    try:
        descriptor = os.open(directory / "lock", access)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def held(path: Path, patience: float = 10.0) -> Iterator[None]:
    """Hold a lock while something small is read, changed and written.

    Args:
        path: The lock's file, made if it is missing; it stays.
        patience: Seconds to wait for whoever holds it.

    Raises:
        TimeoutError: If somebody holds it for longer.
        OSError: If the file cannot be made.
    """
    descriptor = _lock_within(path, patience)
    if descriptor is None:
        raise TimeoutError(errno.ETIMEDOUT, "Somebody else is writing", str(path))
    try:
        yield
    finally:
        os.close(descriptor)


def _lock_within(path: Path, seconds: float) -> int | None:
    """Return a file's descriptor with its lock taken; None if others kept it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + seconds
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            return None
        time.sleep(0.02)
    return descriptor


def _try_lock(descriptor: int, shared: bool = False) -> bool:
    """Lock without waiting; closing the descriptor unlocks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
