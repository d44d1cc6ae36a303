"""The queue: which trainings are at work, which wait, and whose turn it is.

As many trainings are at work as there are places, one for each core. The others wait,
each with a ticket in its directory. Learners take turns, however many runs each has
waiting: next is who has the fewest at work, and among those, who has waited longest
since their last training began. A learner's own runs begin in the order in which they
were asked for, and the two of a race together.

Nothing runs here in the background: whoever looks calls `launch.advance`.

Before: `minigpt.runs.ticket` and `time_spent`. Next: `launch`, which starts what is
chosen here.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from minigpt.errors import ConfigError, RunError
from minigpt.runs.job import is_elsewhere
from minigpt.runs.lock import is_locked
from minigpt.runs.status import RunStatus
from minigpt.runs.store import RUN_ID, Run, RunStore
from minigpt.runs.ticket import Ticket, has_ticket, read_ticket
from minigpt.runs.time_spent import spells
from minigpt.spaces import LEARNERS, ROOM, server_data

PLACES = "MINIGPT_TRAININGS"
"""The variable that says how many trainings may be at work at once."""


class AtWork(NamedTuple):
    """A run that a process is training."""

    run: Run
    status: RunStatus


class Waiting(NamedTuple):
    """A run that waits for its turn."""

    run: Run
    ticket: Ticket

    @property
    def owner(self) -> Path:
        """Whose it is: the directory of their runs."""
        return self.run.path.parent


Group = list[Waiting]
"""Runs that begin together: one, or the two of a race."""


class Queue(NamedTuple):
    """All trainings of one server at one moment."""

    places: int
    at_work: list[AtWork]
    waiting: list[Group]
    """In the order in which they will begin."""

    def at_work_of(self, owner: Path) -> int:
        """Return how many trainings of one learner are at work."""
        return sum(each.run.path.parent == owner for each in self.at_work)

    def needs(self, group: Group) -> int:
        """Return how many of a group must begin together: where it can be, all."""
        limit = group[0].ticket.runs or self.places
        return min(len(group), self.places, limit)

    def next(self) -> Group:
        """Return the runs that may begin now; none if all places are taken.

        A learner who has as many at work as each may have is passed over. Nobody else
        is: a race that needs two places is not overtaken by runs that need one.
        """
        passed_over: set[Path] = set()
        for group in self.waiting:
            owner, limit = group[0].owner, group[0].ticket.runs
            need = self.needs(group)
            if limit is not None and self.at_work_of(owner) + need > limit:
                passed_over.add(owner)
            if owner in passed_over:
                continue
            if len(self.at_work) + need > self.places:
                return []
            return group[:need]
        return []


def places() -> int:
    """Return how many trainings may be at work at once, of everybody together.

    Raises:
        ConfigError: If `$MINIGPT_TRAININGS` is not a number, 1 or more.
    """
    chosen = os.environ.get(PLACES)
    if not chosen:
        return max(2, os.cpu_count() or 2)  # a race takes two
    if not chosen.isdecimal() or int(chosen) < 1:
        raise ConfigError(f"{PLACES} is {chosen!r}: write a number, 1 or more.")
    return int(chosen)


def stores(store: RunStore) -> list[RunStore]:
    """Return the stores whose trainings share one queue; the server's own is first.

    Args:
        store: Of anybody who uses the server.
    """
    own = store.root.absolute()
    server = server_data(own.parent)
    first = own if server == own.parent else server / "runs"
    learners = server / ROOM / LEARNERS
    inside = sorted(learners.iterdir()) if learners.is_dir() else []
    # Files of a system's own lie there too, such as macOS's .DS_Store.
    own_stores = (RunStore(each / "runs") for each in inside if each.is_dir())
    return [RunStore(first), *own_stores]


def read_queue(store: RunStore) -> Queue:
    """Read which trainings are at work and which wait.

    Args:
        store: Of anybody who uses the server.
    """
    runs = [run for each in stores(store) for run in _directories(each)]
    waiting = [found for run in runs if (found := _waiting(run)) is not None]
    at_work = [busy for run in runs if (busy := _at_work(run)) is not None]
    running = Counter(each.run.path.parent for each in at_work)
    owners = {each.owner for each in waiting}
    served = {owner: _last_begun(owner) for owner in owners}
    return Queue(places(), at_work, in_turn(waiting, running, served))


def in_turn(
    waiting: Sequence[Waiting], running: Counter[Path], served: dict[Path, float]
) -> list[Group]:
    """Put the runs that wait in order, learner after learner.

    Args:
        waiting: In any order.
        running: How many trainings of each learner are at work.
        served: When the last training of each learner began, in Unix seconds.
    """
    queues = {owner: _groups(waiting, owner) for owner in served}
    at_work, last = Counter(running), dict(served)
    found: list[Group] = []
    while any(queues.values()):
        turn = min(
            (owner for owner in queues if queues[owner]),
            key=lambda own: (at_work[own], last[own], queues[own][0][0].ticket.since),
        )
        group = queues[turn].pop(0)
        at_work[turn] += len(group)
        last[turn] = max(last.values()) + 1
        found.append(group)
    return found


def _directories(store: RunStore) -> Iterator[Run]:
    """Find what may be a run, without opening it: a class has hundreds of them."""
    try:
        with os.scandir(store.root) as found:
            names = [e.name for e in found if e.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for name in filter(RUN_ID.fullmatch, names):
        yield Run(store.root / name)


def _groups(waiting: Sequence[Waiting], owner: Path) -> list[Group]:
    own = [each for each in waiting if each.owner == owner]
    own.sort(key=lambda each: (each.ticket.since, each.run.id))
    return [
        list(group)
        for _, group in groupby(own, lambda each: each.ticket.together or each.run.id)
    ]


def _waiting(run: Run) -> Waiting | None:
    if not has_ticket(run.path) or is_locked(run.path):
        return None
    ticket = read_ticket(run.path)
    return None if ticket is None else Waiting(run, ticket)


def _at_work(run: Run) -> AtWork | None:
    if not is_locked(run.path) or is_elsewhere(run.path):
        return None
    try:
        status = run.status()
    except RunError:
        return None
    is_at_work = status.is_alive and status.pid is not None
    return AtWork(run, status) if is_at_work else None


def _last_begun(owner: Path) -> float:
    return max((spell.begun for spell in spells(RunStore(owner))), default=0.0)
