"""Where Compare opens: on a text whose mean improves while much of it gets worse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minigpt.library.catalogue import ModelEntry
from pages.compare import numbers
from pages.compare.choice import HELD_OUT, Side, side_of, step_of, stretches
from pages.frame import models

OTHERS = 4
"""Models or moments to compare with, at most: a search takes about a second."""
SEARCHED = 16
"""Stretches of held-out text that are searched."""


@dataclass(frozen=True)
class Start:
    """A place of the Compare page, and what is large there."""

    place: Mapping[str, Any]
    """Session state."""
    effects: Mapping[str, float]


def befores_of(entry: ModelEntry) -> list[Side]:
    """Return what a model may be compared with: its earlier steps, or other models."""
    now = step_of(entry)
    earlier = [step for step, _ in entry.steps if now is not None and step < now]
    if earlier:
        last = len(earlier) - 1
        places = sorted({round(last * part / (OTHERS - 1)) for part in range(OTHERS)})
        return [side_of(entry, earlier[place]) for place in places]
    others = [other for other in models.entries() if other.id != entry.id]
    return [side_of(other, other.default_step) for other in others[:OTHERS]]


def find(entry: ModelEntry) -> Start | None:
    """Search at the step a model opens with; None elsewhere, or if nothing is found.

    Whoever moves through the steps wants to see the same text.
    """
    if step_of(entry) != entry.default_step:
        return None
    befores, after = befores_of(entry), side_of(entry, step_of(entry))
    if not befores:
        return None
    found = numbers.opening_of(
        [each.checkpoint for each in befores],
        after.checkpoint,
        stretches(after, after)[:SEARCHED],
    )
    return found and Start(place_of(befores[found.before], found.text), found.effects)


def place_of(before: Side, text: int) -> dict[str, Any]:
    """Return the session state that shows a stretch, and the model to compare with."""
    place = {"against": before.entry.id, "read": HELD_OUT, "stretch": text + 1}
    if len(before.entry.steps) > 1:
        place["against_step"] = before.step
    return place
