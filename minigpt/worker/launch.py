"""Starting and resuming trainings: each joins the queue, and begins in its turn.

Where a place is free, that is at once. Otherwise the run waits, and whoever looks later
starts it: a page that shows it, the server now and then, a training that ends. Nobody
starts two at once: a look holds the queue's lock.

Before: `queue` tells whose turn it is, and `processes` starts processes.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from minigpt import spaces
from minigpt.classroom.quotas import require_may_train, used_up
from minigpt.config import RunConfig
from minigpt.engines.submitting import submit
from minigpt.errors import MinigptError, RunError
from minigpt.runs.job import read_job, require_idle
from minigpt.runs.lock import RunLock, held
from minigpt.runs.status import write_status
from minigpt.runs.store import Run, RunStore
from minigpt.runs.ticket import Ticket, forget_ticket, has_ticket, write_ticket
from minigpt.runs.time_spent import close_killed
from minigpt.worker import processes
from minigpt.worker.queue import Waiting, read_queue, stores

_LOCK = "queue.lock"
_LOOK_EVERY = 1.0
_looked: dict[Path, float] = {}


def start(
    store: RunStore,
    config: RunConfig,
    name: str | None = None,
    *,
    seconds: float | None = None,
) -> Run:
    """Create a run and train it in a new process, as soon as a place is free.

    Args:
        store: Where runs live.
        config: Everything that determines the run.
        name: The run's id; None generates one.
        seconds: How long it will take, if that was estimated.

    Raises:
        RunError: If the name is not allowed or taken, no process can be started, or a
            learner of a class has used up what each may use.
    """
    require_may_train()
    run = store.create(config, name)
    try:
        begin([run], seconds=seconds)
    except MinigptError:
        store.delete(run.id)  # nothing was trained, and the name must stay free
        raise
    return run


def begin(runs: Sequence[Run], *, seconds: float | None = None) -> None:
    """Train runs that were created, all at the same time.

    Args:
        runs: One, or those of a race, of the same store.
        seconds: How long each will take, if that was estimated.

    Raises:
        RunError: If a process is training one already, or none can be started.
    """
    require_may_train()
    together = runs[0].id if len(runs) > 1 else None
    ticket = _ticket()._replace(together=together, seconds=seconds)
    for run in runs:
        _join(run, ticket)
    _advance_for(runs)


def resume(run: Run, step: int | None = None) -> None:
    """Resume a run from a checkpoint, as soon as a place is free, and where it was.

    Args:
        run: The run.
        step: Of the checkpoint; None: the newest that is whole.

    Raises:
        RunError: If a process is already training it, or it has finished.
    """
    status = run.status()
    if status.state == "finished":
        raise RunError(f"The run {run.id!r} has finished: there is nothing to resume.")
    require_may_train()
    job = read_job(run.path)
    if job is not None:
        if step is not None:
            raise RunError(
                "A run that was trained elsewhere goes on from its newest checkpoint: "
                "choose that one."
            )
        submit(run, job.site)
        return
    _join(run, _ticket()._replace(resume=True, step=step))
    _advance_for([run])


def resume_together(runs: Sequence[Run]) -> None:
    """Resume runs from their newest checkpoints, all at the same time: a race.

    Raises:
        RunError: If a process is training one already, or none can be started.
    """
    require_may_train()
    ticket = _ticket()._replace(resume=True, together=runs[0].id)
    for run in runs:
        _join(run, ticket)
    _advance_for(runs)


def join_later(run: Run) -> None:
    """Let a created run wait for its turn, behind those of others."""
    _join(run, _ticket())


def advance(store: RunStore, *, patience: float = 10.0) -> dict[Path, str]:
    """Start what waits and has a place.

    Args:
        store: Of anybody who uses the server.
        patience: How long to wait for somebody who is at it, in seconds.

    Returns:
        Why runs could not be started, by their paths.

    Raises:
        RunError: If the queue cannot be read or written.
    """
    failures: dict[Path, str] = {}
    with _alone(store, patience) as is_alone:
        processes.reap()
        chosen = read_queue(store).next() if is_alone else []
        while chosen:
            for each in chosen:
                try:
                    lock = RunLock.acquire(each.run.path)
                except (RunError, OSError):  # somebody withdraws or deletes it
                    return failures
                problem = _begin_now(each, lock)
                if problem:
                    failures[each.run.path.resolve()] = problem
            chosen = read_queue(store).next()
    return failures


def look(store: RunStore) -> None:
    """Start what waits and has a place, without waiting for anybody; often called.

    Args:
        store: Of anybody who uses the server.
    """
    root, now = stores(store)[0].root, time.monotonic()
    if now - _looked.get(root, -_LOOK_EVERY) >= _LOOK_EVERY:
        _looked[root] = now
        advance(store, patience=0.0)


def _ticket() -> Ticket:
    """Return a ticket for whoever asks: a learner's says what they may use."""
    space = spaces.current()
    limits = None if space is None else space.limits
    if limits is None:
        return Ticket(time.time())
    return Ticket(time.time(), runs=limits.runs, minutes=limits.minutes)


def _join(run: Run, ticket: Ticket) -> None:
    lock = RunLock.acquire(run.path)
    try:
        require_idle(run.path)
        close_killed(run)
        write_ticket(run.path, ticket)
    except OSError as error:
        raise RunError(f"Cannot start a training process: {error}.") from None
    finally:
        lock.release()


def _advance_for(runs: Sequence[Run]) -> None:
    """Start what has a place.

    Raises:
        RunError: If one of these runs could not be started.
    """
    try:
        failures = advance(RunStore(runs[0].path.parent))
    except MinigptError:
        for run in runs:
            forget_ticket(run.path)
        raise
    for run in runs:
        problem = failures.get(run.path.resolve())
        if problem is not None:
            raise RunError(problem)


def _begin_now(chosen: Waiting, lock: RunLock) -> str:
    """Start a run whose lock is held; return why it could not be: empty, it was."""
    run, ticket = chosen.run, chosen.ticket
    problem = used_up(RunStore(run.path.parent), ticket.minutes)
    try:
        if not has_ticket(run.path):
            return ""  # withdrawn at this moment
        if not problem:
            processes.spawn(run, ticket, lock)
            return ""
    except RunError as error:
        problem = str(error)
    finally:
        lock.release()
    forget_ticket(run.path)
    with suppress(RunError, OSError):  # its status is damaged: that is the problem
        status = run.status().replace(state="failed", activity="", error=problem)
        write_status(run.path, status)
    return problem


@contextmanager
def _alone(store: RunStore, patience: float) -> Iterator[bool]:
    """Hold the queue's lock; or say that somebody else keeps it."""
    root = stores(store)[0].root
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(root / _LOCK, patience))
        except TimeoutError:
            yield False
            return
        except OSError as error:
            raise RunError(f"The queue cannot be read: {error}.") from None
        yield True
