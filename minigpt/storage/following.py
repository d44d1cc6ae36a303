"""Whoever watches a run in a bucket: fetch what changed, ask it to stop, open it."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from minigpt.errors import RunError
from minigpt.places import data_directory
from minigpt.runs.job import (
    IN_JOB,
    STORAGE,
    Job,
    forget_job,
    read_job,
    write_job,
)
from minigpt.runs.lock import held, is_locked
from minigpt.runs.status import RunStatus
from minigpt.runs.store import RUN_ID, Run
from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.contents import read_contents
from minigpt.storage.control import Control, read_control, write_control
from minigpt.storage.download import fetch
from minigpt.storage.place import ATTEMPT, Place, read_place, require_url, write_place

_PATIENCE = 60.0
_TEMPORARY = "minigpt-"
_SILENT = 1800.0
"""Seconds without a sign of life: a large checkpoint holds those up behind it."""


def follow(run: Run, *, with_text: bool = False, patience: float = 0.0) -> bool:
    """Fetch what a run's bucket has, and pass on a request to stop.

    Args:
        run: One that no process of this machine trains. One without a bucket is left
            alone.
        with_text: Whether the text that it learns from is wanted, too.
        patience: How long to wait for somebody who is at it, in seconds.

    Returns:
        Whether what is here is what the bucket has; False: somebody else is at it.

    Raises:
        StorageError: If the bucket cannot be reached, or holds something else, or if
            somebody is at it for longer than one has patience.
        ConfigError: If the package that reaches it is not installed.
    """
    place = read_place(run.path)
    if place is None or place.is_here or not place.attempts:
        return True
    bucket = Bucket(place.url)
    try:
        with held(run.path / "fetch.lock", patience):
            if run.stop_requested:
                ask_to_stop(bucket, place.attempt)
            if not place.is_fetched:
                if read_contents(bucket) is None:
                    return True
                place = place._replace(is_fetched=True)
                write_place(run.path, place)  # first: a part may come, and no more
            contents = fetch(bucket, run.path, with_text=with_text)
            if contents is None:
                return True
            last = read_job(run.path)
            is_new = _note_attempt(run, place, contents.attempt)
            if is_new or (last is not None and last.engine == STORAGE):
                _note_who_trains(run, contents.attempt)
            return True
    except TimeoutError:
        if patience:
            raise StorageError(
                f"The run {run.id!r} is being fetched by another process: try again."
            ) from None
        return False


def _note_attempt(run: Run, place: Place, attempt: str) -> bool:
    """Note that a training has begun elsewhere; return whether that is news."""
    if attempt in place.attempts:
        return False
    (run.path / "stop").unlink(missing_ok=True)  # it was meant for another
    write_place(run.path, place.begun(attempt))
    return True


def ask_to_stop(bucket: Bucket, attempt: str) -> None:
    """Ask a training to save and stop, if it is still the one that goes on.

    Raises:
        StorageError: If the bucket cannot be reached.
    """
    if read_control(bucket) == Control(attempt):
        write_control(bucket, Control(attempt, stop=True))


def open_stored(url: str, *, to_train: bool) -> Run:
    """Return a run of a bucket, fetched into a directory of this machine.

    A job has a directory of its own for that, and anybody else the usual one.

    Args:
        url: The run's.
        to_train: Whether it is to be trained here.

    Raises:
        StorageError: If the bucket cannot be reached, or has no run there.
        RunError: If another run has its name here, or its job was withdrawn.
        ConfigError: If the address is none.
    """
    url = require_url(url)
    name = url.rpartition("/")[2]
    if not RUN_ID.fullmatch(name):
        raise RunError(f"{url} does not end with a run's name.")
    attempt = os.environ.get(IN_JOB, "")
    if attempt and not ATTEMPT.fullmatch(attempt):
        raise RunError(f"{IN_JOB} does not say which training of {name!r} this is.")
    if not attempt:
        return _brought(Run(data_directory() / "runs" / name), url, to_train)
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
    try:
        return _brought(Run(folder / name), url, to_train, attempt)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # nothing was trained in it
        raise


def _brought(run: Run, url: str, to_train: bool, attempt: str = "") -> Run:
    """Bring a run's directory to what its bucket has; see `open_stored`.

    Args:
        run: Where it goes.
        url: Of the run.
        to_train: Whether it is to be trained here.
        attempt: Which training of it this job is for; empty: this is no job.
    """
    place = read_place(run.path) or Place(url, is_fetched=True)
    if run.path.exists() and (place.url != url or not place.attempts):
        raise RunError(f"There is another run {run.id!r} here, at {run.path}: move it.")
    bucket = Bucket(url)
    if attempt and read_control(bucket) != Control(attempt):
        raise RunError(f"The run {run.id!r} was withdrawn while its job waited.")
    contents = read_contents(bucket)
    if contents is None:
        raise StorageError(f"There is no run in {url}.")
    if contents.attempt in place.attempts and (place.is_here or is_locked(run.path)):
        return run  # what is here is newer, or as new
    if place.is_here:
        raise RunError(
            f"{run.id!r} went on elsewhere since it was trained here: move {run.path} "
            "away to fetch it."
        )
    is_new = not run.path.exists()
    (run.path / "checkpoints").mkdir(parents=True, exist_ok=True)
    _note_attempt(run, place, contents.attempt)
    try:
        follow(run, with_text=to_train, patience=_PATIENCE)
    except BaseException:
        if is_new:
            shutil.rmtree(run.path)
        raise
    _note_who_trains(run, contents.attempt)
    return run


def _note_who_trains(run: Run, attempt: str) -> None:
    """Note whether a run is trained, by this job or elsewhere."""
    before = read_job(run.path)
    if before is not None and not before.ended:
        return
    write_job(run.path, Job(STORAGE, attempt))
    if IN_JOB in os.environ or shows_life(run.status()):
        return
    forget_job(run.path)
    if before is not None and before.engine != STORAGE:
        write_job(run.path, before)  # it may be resumed there


def leave(run: Run) -> None:
    """Remove a directory that a job fetched its run into: all of it is uploaded."""
    own, usual = run.path.parent, Path(tempfile.gettempdir())
    is_temporary = own.name.startswith(_TEMPORARY) and own.parent == usual
    if is_temporary and os.environ.get(IN_JOB) and read_place(run.path):
        shutil.rmtree(own, ignore_errors=True)


def shows_life(status: RunStatus) -> bool:
    """Whether a run waits or is trained, by the last that was heard of it.

    One that waits gives no sign of life until it begins, or is stopped.
    """
    is_silent = abs(time.time() - status.heartbeat) > _SILENT  # by another's clock
    return status.state == "queued" or (status.is_alive and not is_silent)
