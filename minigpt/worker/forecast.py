"""When a run that waits will begin: how many must end before it, and how long it takes.

Before: `queue`, the order in which they begin.
"""

import heapq
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore
from minigpt.runs.time_spent import spells, usual_seconds
from minigpt.worker.queue import AtWork, Group, Queue, read_queue, stores


class Place(NamedTuple):
    """A run's place in the queue."""

    ahead: int
    """How many runs end before it begins."""
    seconds: float | None
    """Until it begins, roughly; None: nobody can tell."""


_known: dict[Path, tuple[float, dict[Path, Place]]] = {}
"""For each server's own store: when its places were looked up, and what they were."""


def place_of(run: Run, max_age: float = 0.0) -> Place | None:
    """Return a run's place in the queue; None if it does not wait.

    Args:
        run: The run.
        max_age: Seconds for which an earlier answer will do: pages ask often.
    """
    store = RunStore(run.path.parent)
    root, now = stores(store)[0].root, time.monotonic()
    when, places = _known.get(root, (now - max_age - 1, {}))
    if now - when > max_age or run.path.resolve() not in places:
        _, places = all_places(store)
        _known[root] = now, places
    return places.get(run.path.resolve())


def forecast(queue: Queue, usual: float | None) -> dict[Path, Place]:
    """Return the places of all runs that wait.

    Args:
        queue: As it is now.
        usual: Seconds that trainings took lately, for those of which nothing is known.

    Returns:
        For the path of each run.
    """
    ends = [_left(each, usual) for each in queue.at_work]
    ends += [0.0] * (queue.places - len(ends))
    heapq.heapify(ends)
    found: dict[Path, Place] = {}
    before = 0
    for group in queue.waiting:
        need = queue.needs(group)
        begin = max(heapq.heappop(ends) for _ in range(need))
        for _ in range(need):
            heapq.heappush(ends, begin + sum(_lengths(group, usual)) / need)
        place = Place(_ahead(queue, group, before), None if _never(begin) else begin)
        before += len(group)
        for each in group:
            found[each.run.path.resolve()] = place
    return found


def all_places(store: RunStore) -> tuple[Queue, dict[Path, Place]]:
    """Return the queue of a server, and the place of each run that waits in it."""
    queue = read_queue(store)
    return queue, forecast(queue, _usual(store))


def _ahead(queue: Queue, group: Group, before: int) -> int:
    """Return how many runs must end before a group may begin."""
    need, first = queue.needs(group), group[0]
    general = before + len(queue.at_work) + need - queue.places
    if first.ticket.runs is None:
        return max(0, general)
    own = queue.at_work_of(first.owner) + need - first.ticket.runs
    for other in queue.waiting:
        if other is group:
            break
        own += len(other) if other[0].owner == first.owner else 0
    return max(0, general, own)


def _lengths(group: Group, usual: float | None) -> Iterator[float]:
    for each in group:
        known = each.ticket.seconds
        yield known if known is not None else _or_never(usual)


def _left(each: AtWork, usual: float | None) -> float:
    """Return in how many seconds a training that is at work ends."""
    status: RunStatus = each.status
    if status.eta_seconds is None:
        return _or_never(usual)
    return max(0.0, status.eta_seconds - (time.time() - status.heartbeat))


def _or_never(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _never(seconds: float) -> bool:
    return seconds == float("inf")


def _usual(store: RunStore) -> float | None:
    found = [spell for each in stores(store) for spell in spells(each)]
    return usual_seconds(sorted(found, key=lambda spell: spell.begun))
