"""How long each training of a store was at work: `trainings.jsonl` beside the runs.

A line when a run's process is started, and one when it ends. A run that is deleted has
still used the machine: so the minutes of a learner, and whose turn it is, are counted
from here. A process that was killed has written no end: then its run's last sign of
life counts.
"""

import time
from contextlib import suppress
from statistics import median
from typing import NamedTuple

from minigpt.errors import RunError
from minigpt.runs.files import Journal, read_journal
from minigpt.runs.lock import is_locked
from minigpt.runs.store import Run, RunStore

_FILE = "trainings.jsonl"
_RECENT = 20


class Spell(NamedTuple):
    """One process of one run."""

    run: str
    begun: float
    """In Unix seconds."""
    ended: float | None
    """In Unix seconds; None: it is at work, or was killed."""


def note_begin(run: Run) -> None:
    """Note that a process for this run is being started.

    Raises:
        OSError: If it cannot be written.
    """
    close_killed(run)
    _append(run, "begun", time.time())


def close_killed(run: Run) -> None:
    """Note when a run's last process was killed, if it was; with the run's lock held.

    Raises:
        OSError: If it cannot be written.
    """
    for spell in spells(RunStore(run.path.parent)):
        if _is_open(spell, run):
            _append(run, "ended", spell.begun + _until_killed(run, spell))


def note_end(run: Run) -> None:
    """Note that the process of this run ends, if it was noted that it began."""
    with suppress(OSError):  # a full disk: then the last sign of life counts
        if any(_is_open(spell, run) for spell in spells(RunStore(run.path.parent))):
            _append(run, "ended", time.time())


def spells(store: RunStore) -> list[Spell]:
    """Return every process that was started in a store, in order."""
    found: list[Spell] = []
    for record in read_journal(store.root / _FILE).records:
        run = str(record.get("run"))
        if "begun" in record:
            found.append(Spell(run, float(record["begun"]), None))
        elif "ended" in record:
            for place, spell in enumerate(found):
                if spell.run == run and spell.ended is None:
                    found[place] = spell._replace(ended=float(record["ended"]))
    return found


def seconds_spent(store: RunStore) -> float:
    """Return how long all trainings of a store were at work, together."""
    return sum(_seconds(store, spell) for spell in spells(store))


def usual_seconds(found: list[Spell]) -> float | None:
    """Return how long trainings took lately: the median; None if none has ended.

    >>> usual_seconds([Spell("a", 0, 60), Spell("b", 5, None), Spell("c", 10, 30)])
    40.0
    """
    took = [each.ended - each.begun for each in found if each.ended is not None]
    return float(median(took[-_RECENT:])) if took else None


def _is_open(spell: Spell, run: Run) -> bool:
    return spell.run == run.id and spell.ended is None


def _seconds(store: RunStore, spell: Spell) -> float:
    if spell.ended is not None:
        return max(0.0, spell.ended - spell.begun)
    run = Run(store.root / spell.run)
    if is_locked(run.path):
        return max(0.0, time.time() - spell.begun)
    return _until_killed(run, spell)


def _until_killed(run: Run, spell: Spell) -> float:
    try:
        return max(0.0, run.status().heartbeat - spell.begun)
    except RunError:
        return 0.0  # deleted


def _append(run: Run, what: str, when: float) -> None:
    journal = Journal(run.path.parent / _FILE)
    journal.append({"run": run.id, what: round(when, 3)})
    journal.close()
