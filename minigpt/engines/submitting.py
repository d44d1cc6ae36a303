"""Hand a run in, resume it, and note what became of its job.

Before: `engine` says what an engine does. Nothing here waits or runs in the background:
whoever watches calls `look`.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from minigpt.engines.engine import Engine, State
from minigpt.engines.slurm import Slurm
from minigpt.errors import RunError
from minigpt.runs.job import Job, end_job, read_job, require_idle, write_job
from minigpt.runs.lock import RunLock, is_locked
from minigpt.runs.status import write_status
from minigpt.runs.store import Run

ENGINES: dict[str, Callable[[], Engine]] = {"slurm": Slurm}
_LOOK_EVERY = 5.0
_looked: dict[Path, float] = {}


def submit(run: Run, engine: str) -> Job:
    """Hand in a run: a new one, or one that goes on from its newest checkpoint.

    Args:
        run: The run, in a folder that the engine's machines see under the same path.
        engine: One of `ENGINES`.

    Raises:
        RunError: If it has finished or is being trained, or the engine refuses.
    """
    settle([run])
    chosen, before = ENGINES[engine](), run.status()
    if before.state == "finished":
        raise RunError(f"The run {run.id!r} has finished: there is nothing to resume.")
    lock = RunLock.acquire(run.path)
    try:
        require_idle(run.path)
        (run.path / "stop").unlink(missing_ok=True)
        waits = before.replace(state="queued", pid=None, error=None, eta_seconds=None)
        write_status(run.path, waits.replace(activity=f"waits in {chosen.title}"))
        try:
            job = Job(engine, chosen.submit(run))
        except RunError:
            write_status(run.path, before)
            raise
        write_job(run.path, job)
        return job
    except OSError as error:
        raise RunError(f"The run {run.id!r} cannot be handed in: {error}.") from None
    finally:
        lock.release()


def look(runs: Sequence[Run]) -> None:
    """Note what became of jobs; often called, and so it asks now and then only.

    Args:
        runs: Any runs. Those that are not elsewhere are left alone.
    """
    for name in ENGINES:
        own = [run for run in runs if _is_of(run, name) and _is_due(run)]
        if own:
            settle(own)


def settle(runs: Sequence[Run]) -> None:
    """Ask what became of the jobs of runs, and note it.

    Args:
        runs: Of one engine. If that does not answer, nothing is noted.
    """
    jobs = {run: job for run in runs if (job := read_job(run.path)) and not job.ended}
    if not jobs:
        return
    engine = ENGINES[next(iter(jobs.values())).engine]()
    with suppress(RunError):
        states = engine.states([job.id for job in jobs.values()])
        for run, job in jobs.items():
            with suppress(OSError):
                _note(run, engine, job, states.get(job.id))


def _note(run: Run, engine: Engine, job: Job, state: State | None) -> None:
    """Note a job's end, that it waits again, or that it need not wait any more."""
    if read_job(run.path) != job:
        return  # it has noted its end itself
    status = run.status()
    if state is None:
        end_job(run.path)
    elif state == "waits" and run.stop_requested:
        engine.cancel(job.id)
        end_job(run.path)
        write_status(run.path, status.replace(state="stopped", activity=""))
    elif state == "waits" and status.state != "queued" and not is_locked(run.path):
        again = f"waits again in {engine.title}: its machine was lost or needed"
        write_status(run.path, status.replace(state="queued", pid=None, activity=again))


def _is_due(run: Run) -> bool:
    """Whether nobody here has asked for a while; it is asked for now."""
    now = time.monotonic()
    if now - _looked.get(run.path, -_LOOK_EVERY) < _LOOK_EVERY:
        return False
    _looked[run.path] = now
    return True


def _is_of(run: Run, engine: str) -> bool:
    job = read_job(run.path)
    return job is not None and not job.ended and job.engine == engine
