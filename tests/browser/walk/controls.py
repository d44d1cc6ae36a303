"""What can be clicked on a page, as `controls.js` tells it, and what goes together."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Control(NamedTuple):
    """Something to click, as `controls.js` describes it."""

    id: str
    kind: str
    place: str
    name: str
    chosen: bool

    @property
    def family(self) -> str:
        """What stays the same when numbers and texts change: one member is enough."""
        # Save is the same under every figure: one of each page is enough.
        place = re.sub(r"^(save_of|_picture|_numbers)_.*", r"\1_#", self.place)
        place = re.sub(r"[0-9a-f]{8,}|-?\d+", "#", place)
        name = re.sub(r"-?\d[\d.,]*", "#", self.name)
        alike = self.kind in ("radio", "mark", "link") or place.endswith("_#")
        return f"{place} | {self.kind}" + ("" if alike else f" | {name}")


def batches(controls: list[Control]) -> list[list[Control]]:
    """What is clicked before the page is left: questions, or one widget's options."""
    found: dict[str, list[Control]] = {}
    for control in controls:
        if control.kind in ("radio", "stepper"):
            key = "questions"
        elif control.kind in ("option", "pill"):
            key = f"{control.kind} {control.place}"
        else:
            key = control.id
        found.setdefault(key, []).append(control)
    # What is chosen already comes last: then something else is.
    return [sorted(batch, key=lambda each: each.chosen) for batch in found.values()]


def differing(before: dict[str, list], now: dict[str, list]) -> dict[str, tuple]:
    """What a widget showed and shows, where that is not the same."""
    return {
        key: (value, now.get(key))
        for key, value in before.items()
        if value != now.get(key)
    }


def asked(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)
