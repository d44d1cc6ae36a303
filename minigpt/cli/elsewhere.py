"""`train --engine slurm` or `ray`: hand a run in, watch it from here, stop it."""

import time

from minigpt.cli.output import note, say
from minigpt.engines.submitting import look, settle, submit
from minigpt.errors import ConfigError, RunError
from minigpt.places import data_directory
from minigpt.runs.job import Site
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore
from minigpt.storage.bucket import Bucket
from minigpt.storage.control import read_control
from minigpt.storage.following import ask_to_stop, follow
from minigpt.storage.keeping import forget_stored, upload_again
from minigpt.storage.place import require_url

_LOOK_EVERY = 1.0
_LINE_EVERY = 5.0


def hand_in(run: Run, site: Site, *, is_new: bool, detach: bool) -> int:
    """Hand a run in, and watch it.

    Args:
        run: The run.
        site: Where it is to be trained.
        is_new: Whether this command created it: it is removed if it is refused.
        detach: Leave it to itself at once.

    Returns:
        The exit code.

    Raises:
        RunError: If it is refused, or fails.
    """
    try:
        job = submit(run, site)
    except (RunError, ConfigError):
        forget = is_new and not run.checkpoints()
        if forget:
            forget_stored(run)
        if (
            forget
            and run.path.parent.resolve() == (data_directory() / "runs").resolve()
        ):
            RunStore(run.path.parent).delete(run.id)
        raise
    note(f"run {run.id}: {run.path}")
    note(f"Handed in to {site.engine}, as job {job.id}.")
    if detach:
        say(f"watch it        python -m minigpt train --watch {run.id}")
        say(f"stop it         python -m minigpt train --stop {run.id}")
        return 0
    return watch(run)


def watch(run: Run) -> int:
    """Print how a run is doing until it ends, wherever it is trained.

    Ctrl-C asks it to save and stop; a second one leaves it to itself.

    Returns:
        The exit code.

    Raises:
        RunError: If it fails, or its process dies.
    """
    shown = _Shown(run)
    while True:
        try:
            while (status := shown.update()).is_alive:
                time.sleep(_LOOK_EVERY)
            break
        except KeyboardInterrupt:
            if run.stop_requested or not run.status().is_alive:
                note("Left to itself. Watch it with:")
                note(f"  python -m minigpt train --watch {run.id}")
                return 130
            run.request_stop()
            note("Asked to save and stop. Press Ctrl-C again to leave it to itself.")
    if status.error is not None:
        raise RunError(f"{run.id}: {status.error}")
    if status.state == "stopped":
        note(f"Stopped at step {status.step}; everything is saved.")
    elif status.validation_loss is not None:
        say(f"validation loss {status.validation_loss:.4f} nats")
    return 0


def stop(run: Run) -> int:
    """Ask a run to save and stop; one that waits is withdrawn.

    Raises:
        RunError: If nothing trains it.
    """
    run.request_stop()
    follow(run, patience=10.0)
    settle([run])
    note(f"{run.id} is {run.status().state}.")
    return 0


def stop_stored(url: str) -> int:
    """Ask whoever trains a run of a bucket to save and stop, without fetching it.

    Raises:
        RunError: If the bucket cannot be reached, or has no such run.
        ConfigError: If the address is none.
    """
    bucket = Bucket(require_url(url))
    control = read_control(bucket)
    if control is None:
        raise RunError(f"There is no run in {url}.")
    ask_to_stop(bucket, control.attempt)
    note(f"Asked to save and stop. Watch it: python -m minigpt train --watch {url}")
    return 0


def upload(run: Run) -> int:
    """Upload what could not be uploaded when a run ended.

    Raises:
        RunError: If the bucket does not take it.
    """
    upload_again(run)
    note(f"{run.id} is uploaded.")
    return 0


class _Shown:
    """What of a run has been printed."""

    def __init__(self, run: Run) -> None:
        self._run, self._activity = run, ""
        self._offset, self._last = run.metrics().offset, 0.0

    def update(self) -> RunStatus:
        """Print what is new, and return the status."""
        look([self._run])
        status, now = self._run.status(), time.monotonic()
        if status.activity and status.activity != self._activity:
            self._activity = status.activity
            note(status.activity)
        records, self._offset, _ = self._run.metrics(self._offset)
        for record in records:
            if record["kind"] == "evaluation":
                loss = record["loss"]  # null: it was no number
                words = "is no number" if loss is None else f"{loss:.4f}"
                say(f"step {record['step']}: validation loss {words}")
        if status.train_loss is not None and now - self._last >= _LINE_EVERY:
            self._last = now
            total = f"/{status.total_steps}" if status.total_steps else ""
            say(f"step {status.step}{total}: loss {status.train_loss:.3f}")
        return status
