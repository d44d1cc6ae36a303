"""While a run is trained, its bucket gets what changes, every few seconds.

A bucket that cannot be reached does not hold the training up: it is tried again, after
longer and longer waits, and for some minutes after the end.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minigpt.config.training import BUILT_IN
from minigpt.errors import ConfigError, RunError
from minigpt.runs.job import IN_JOB
from minigpt.runs.status import write_status
from minigpt.runs.store import Run
from minigpt.storage.bucket import Bucket, StorageError, UnreachableError
from minigpt.storage.contents import CONTENTS, Contents, pieces_in, read_contents
from minigpt.storage.control import CONTROL, Control, read_control, write_control
from minigpt.storage.own_text import text_for
from minigpt.storage.place import read_place, write_place
from minigpt.storage.upload import Uploader

EVERY = 3.0
"""Seconds between two uploads."""
LONGEST = 60.0
"""Seconds between two tries to reach a bucket that does not answer."""
PATIENCE = 300.0
"""Seconds after a training's end within which its last upload must succeed."""


def require_storable(run: Run) -> None:
    """Check that a run needs no file of this machine but its text.

    Raises:
        RunError: If it is a fine-tuning.
    """
    if run.config.finetune is not None:
        raise RunError(
            "A fine-tuning needs its base, which no storage has: leave --storage out."
        )


def begin(run: Run) -> Uploader:
    """Begin a training of a run that is kept in a bucket, named in its `Place`.

    Raises:
        StorageError: If the bucket cannot be reached.
        RunError: If it holds another run of this name, or one that went on elsewhere.
        ConfigError: If the package that reaches it is not installed.
    """
    place = read_place(run.path)
    if place is None:
        raise RunError(f"{run.path / 'storage.json'} cannot be read: delete it.")
    bucket = Bucket(place.url)
    found = read_contents(bucket)
    owner = found or read_control(bucket)  # its first upload may take its time
    if owner is not None and owner.attempt not in place.attempts:
        raise RunError(
            f"{place.url} holds another run, or one that went on elsewhere: choose "
            f"another name, or go on with that one: --resume {place.url}"
        )
    if not _is_job_of(place.attempt):
        write_control(bucket, Control(place.attempt))
    known = Contents(place.attempt, {} if found is None else found.files)
    uploader = Uploader(run.path, bucket, known, _text_of(run))
    uploader.sweep()
    return uploader


def _text_of(run: Run) -> Path | None:
    """Return the file that goes along with a run; None: it needs none, or has none."""
    try:
        text = text_for(run.path, run.config.data.source)
    except RunError:  # it came without, and the bucket keeps what it has
        return None
    return None if text in BUILT_IN else Path(text)


def hand_over(run: Run) -> None:
    """Put a run into its bucket, if it has one, for another machine to train it.

    Raises:
        RunError, ConfigError: As of `begin`.
    """
    if (place := read_place(run.path)) is not None:
        require_storable(run)
        write_place(run.path, place.begun())
        begin(run).push()


def take_back(run: Run) -> None:
    """Tell a bucket, if it can be reached, that a run was not handed in after all."""
    if read_place(run.path) is not None:
        with suppress(RunError, ConfigError, OSError):
            begin(run).push()


def upload_again(run: Run) -> None:
    """Upload what could not be uploaded when a run ended.

    Raises:
        RunError, ConfigError: As of `begin`.
    """
    status, place = run.status(), read_place(run.path)
    if place is None or not place.is_here:
        raise RunError(
            f"The run {run.id!r} was not trained here last: what is here may be older "
            "than what its bucket has. Upload it where it was trained."
        )
    if status.is_alive:
        raise RunError(f"The run {run.id!r} is {status.state}, and uploads by itself.")
    uploader = begin(run)
    if status.state != "failed":
        write_status(run.path, status.replace(error=None))
    uploader.push()


def forget_stored(run: Run) -> None:
    """Remove from its bucket what a run that could not begin has put there."""
    place = read_place(run.path)
    if place is None or not place.attempts:
        return
    with suppress(StorageError, ConfigError):
        bucket = Bucket(place.url)
        found, control = read_contents(bucket), read_control(bucket)
        if control is None or control.attempt != place.attempt:
            return
        if found is None or found.attempt == place.attempt:
            bucket.remove([CONTENTS, CONTROL])
            bucket.remove([f"pieces/{name}" for name in pieces_in(bucket)])


@contextmanager
def stored(run: Run) -> Iterator[None]:
    """Upload what changes in a run while it is trained, if it is kept in a bucket.

    Raises:
        RunError: If it was withdrawn, or the last upload failed: then everything is
            in the run's directory.
        ConfigError: If the package that reaches the bucket is not installed.
    """
    place = read_place(run.path)
    if place is None:
        yield
        return
    require_storable(run)
    is_new = not _is_job_of(place.attempt)
    here = place.begun(is_here=True) if is_new else place._replace(is_here=True)
    write_place(run.path, here)
    keeper = _Keeper(run, place.url)
    keeper.start()
    try:
        yield
    except BaseException:
        with suppress(RunError):  # what went wrong first is what counts
            keeper.finish()
        raise
    keeper.finish()


class _Keeper:
    """A thread that uploads.

    Args:
        run: What.
        url: Where to.
    """

    def __init__(self, run: Run, url: str) -> None:
        self._run, self._url = run, url
        self._uploader: Uploader | None = None
        self._problem: RunError | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Begin; a bucket that cannot be reached is tried again later.

        Raises:
            RunError, ConfigError: As of `begin`, for any other reason.
        """
        try:
            self._uploader = begin(self._run)
        except UnreachableError as error:
            self._tell(error)
        self._thread.start()

    def finish(self) -> None:
        """Upload what is left.

        Raises:
            RunError: If that cannot be done.
        """
        self._ended.set()
        is_done = False
        with suppress(KeyboardInterrupt):  # who waits for it may give up
            self._thread.join()
            is_done = self._push_until(time.monotonic() + PATIENCE)
        if is_done and self._uploader is not None:
            self._uploader.sweep()
            return
        problem = self._problem or StorageError(f"{self._url} is not up to date.")
        where = f"{self._run.path} on {socket.gethostname()}"
        message = f"{problem} Everything is saved in {where}."
        if isinstance(problem, StorageError):
            message += (
                f" Upload it with: python -m minigpt train --upload {self._run.path}"
            )
        with suppress(OSError, RunError):
            write_status(self._run.path, self._run.status().replace(error=message))
        raise RunError(message)

    def _push_until(self, deadline: float) -> bool:
        """Upload; return whether that is done before the deadline."""
        wait = 1.0
        while not self._push():
            is_over = time.monotonic() + wait > deadline
            if is_over or not isinstance(self._problem, StorageError):
                return False
            time.sleep(wait)
            wait = min(2 * wait, LONGEST)
        return True

    def _keep(self) -> None:
        wait = EVERY
        while not self._ended.wait(wait):
            wait = EVERY if self._push() else min(2 * wait, LONGEST)

    def _push(self) -> bool:
        """Upload; return whether that is done."""
        before = self._problem
        try:
            self._problem = None
            if self._uploader is None:
                self._uploader = begin(self._run)
            if self._uploader.push().stop:
                (self._run.path / "stop").touch()
        except RunError as error:
            self._problem = error
            if not isinstance(error, StorageError):  # it is another's run now
                with suppress(OSError):  # the next try says so again
                    (self._run.path / "stop").touch()
        except OSError as error:  # a file was replaced meanwhile
            self._problem = StorageError(f"{self._url} is not up to date: {error}.")
        if str(before) != str(self._problem):
            self._tell(self._problem)
        return self._problem is None

    def _tell(self, problem: RunError | None) -> None:
        self._problem, said = problem, str(problem or "The bucket answers again.")
        self._run.log(f"Storage: {said}")
        logging.getLogger(__name__).warning(said)  # to the terminal


def _is_job_of(attempt: str) -> bool:
    """Whether this process was handed in for a training."""
    return bool(attempt) and os.environ.get(IN_JOB) == attempt
