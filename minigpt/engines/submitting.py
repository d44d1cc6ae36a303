"""Hand a run in, resume it, and note what became of its job.

Before: `engine` says what an engine does. Nothing here waits or runs in the background:
whoever watches calls `look`.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from threading import Thread

from minigpt.engines.engine import Engine, State
from minigpt.engines.ray import Ray
from minigpt.engines.slurm import Slurm
from minigpt.engines.stored import Stored
from minigpt.errors import ConfigError, RunError
from minigpt.runs.job import (
    STORAGE,
    Job,
    Site,
    end_job,
    is_elsewhere,
    read_job,
    require_idle,
    write_job,
)
from minigpt.runs.lock import RunLock, is_locked
from minigpt.runs.status import pass_on_status, write_status
from minigpt.runs.store import Run
from minigpt.storage.following import follow, shows_life
from minigpt.storage.keeping import hand_over, take_back
from minigpt.storage.place import read_place

ENGINES: dict[str, Callable[[Site], Engine]] = {
    "slurm": lambda _: Slurm(),
    "ray": Ray,
    STORAGE: lambda _: Stored(),
}
SILENT = 300.0
"""Seconds without an answer or a sign of life after which a run has died."""
_LOOK_EVERY = 5.0
_PATIENCE = 60.0
_looked: dict[Path, float] = {}
_silent_since: dict[tuple[str, str], float] = {}
"""When a cluster that does not answer was first asked in vain."""


def submit(run: Run, site: Site) -> Job:
    """Hand in a run: a new one, or one that goes on from its newest checkpoint.

    Args:
        run: The run, in a folder that the engine's machines see under the same path, or
            kept in a bucket besides.
        site: Where.

    Raises:
        RunError: If it has finished or is being trained, or the engine refuses.
    """
    follow(run, patience=_PATIENCE)
    settle([run])
    _let_end(run)
    engine, before = ENGINES[site.engine](site), run.status()
    if before.state == "finished":
        raise RunError(f"The run {run.id!r} has finished: there is nothing to resume.")
    lock = RunLock.acquire(run.path)
    try:
        require_idle(run.path)
        (run.path / "stop").unlink(missing_ok=True)
        waits = before.replace(state="queued", pid=None, error=None, eta_seconds=None)
        write_status(run.path, waits.replace(activity=engine.waiting()))
        try:
            hand_over(run)
            job = Job(site.engine, engine.submit(run), False, *site[1:])
        except (RunError, ConfigError):
            write_status(run.path, before)
            take_back(run)
            raise
        write_job(run.path, job)
        return job
    except OSError as error:
        raise RunError(f"The run {run.id!r} cannot be handed in: {error}.") from None
    finally:
        lock.release()


def _let_end(run: Run) -> None:
    """Wait for a job that has said its last, in a bucket, and is about to end."""
    deadline = time.monotonic() + _PATIENCE
    while is_elsewhere(run.path) and not run.status().is_alive:
        if read_place(run.path) is None or time.monotonic() > deadline:
            return
        time.sleep(1.0)
        settle([run])


def look(runs: Sequence[Run]) -> None:
    """Note what became of jobs; often called, and so it asks now and then only.

    Args:
        runs: Any runs. Those that are not elsewhere are left alone.
    """
    due = [run for run in runs if is_elsewhere(run.path) and _is_due(run)]
    far = [run for run in due if read_place(run.path) is not None]
    settle([run for run in due if run not in far])
    for run in far:  # fetching takes its time
        Thread(target=settle, args=([run],), daemon=True).start()


def settle(runs: Sequence[Run]) -> None:
    """Ask what became of the jobs of runs, and note it.

    Args:
        runs: Any runs. Of an engine that does not answer, only those are noted that
            give no sign of life either.
    """
    jobs = [(job, run) for run in runs if (job := read_job(run.path)) and not job.ended]
    for (name, address), group in groupby(sorted(jobs, key=_where), key=_where):
        found, engine = list(group), ENGINES[name](Site(name, address))
        try:
            states = engine.states([job.id for job, _ in found])
        except RunError:
            since = _silent_since.setdefault((name, address), time.monotonic())
            for job, run in found:
                with suppress(OSError, RunError):
                    _fetch(run)
                    _note_silence(run, job, time.monotonic() - since)
            continue
        _silent_since.pop((name, address), None)
        for job, run in found:
            with suppress(OSError, RunError):
                if _fetch(run):
                    _note(run, engine, job, states.get(job.id))


def _where(found: tuple[Job, Run]) -> tuple[str, str]:
    return found[0].engine, found[0].address


def _note(run: Run, engine: Engine, job: Job, state: State | None) -> None:
    """Note a job's end, that it waits again, or that it need not wait any more.

    A job that was given up before its turn is handed in again.
    """
    if read_job(run.path) != job:
        return  # it has noted its end itself
    status = run.status()
    if job.engine == STORAGE and not shows_life(status):
        (run.path / "stop").unlink(missing_ok=True)  # it is not for the next one
        end_job(run.path)
    elif state is None:
        end_job(run.path)
    elif run.stop_requested and (state != "works" or status.state == "queued"):
        engine.cancel(job.id)
        _withdraw(run)
    elif state == "given up":
        _hand_in_again(run, engine, job)
    elif state == "waits" and status.state != "queued" and not is_locked(run.path):
        again = f"waits again in {engine.title}: its machine was lost or needed"
        write_status(run.path, status.replace(state="queued", pid=None, activity=again))


def _hand_in_again(run: Run, engine: Engine, job: Job) -> None:
    lock = RunLock.acquire(run.path)
    try:
        if read_job(run.path) == job:  # nobody else has done it
            write_job(run.path, job._replace(id=engine.submit(run)))
    finally:
        lock.release()


def _fetch(run: Run) -> bool:
    """Fetch what a run's bucket has; return whether a job may be judged by it.

    A bucket that does not answer is waited for as long as a cluster is.
    """
    try:
        return follow(run)
    except (RunError, ConfigError) as error:
        status = run.status()
        if status.is_alive and status.activity != str(error):
            pass_on_status(run.path, status.replace(activity=str(error)))
        return time.time() - status.heartbeat > SILENT


def _note_silence(run: Run, job: Job, seconds: float) -> None:
    """Note that a run has died with its cluster, or need not wait for it any more.

    Args:
        run: The run.
        job: Its job.
        seconds: How long its cluster has not answered.
    """
    if read_job(run.path) != job or is_locked(run.path):
        return
    status = run.status()
    if status.state == "queued":
        if run.stop_requested:
            _withdraw(run)
    elif min(seconds, time.time() - status.heartbeat) > SILENT:
        end_job(run.path)


def _withdraw(run: Run) -> None:
    status = run.status()  # before the end, which would count as a mishap
    end_job(run.path)
    write_status(run.path, status.replace(state="stopped", activity=""))


def _is_due(run: Run) -> bool:
    """Whether nobody here has asked for a while; it is asked for now."""
    now = time.monotonic()
    if now - _looked.get(run.path, -_LOOK_EVERY) < _LOOK_EVERY:
        return False
    _looked[run.path] = now
    return True
