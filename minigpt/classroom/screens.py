"""What the teacher shows on every screen, and which pages are locked."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minigpt.classroom.room import Room

_PLAIN = (str, int, float, bool)


class View(NamedTuple):
    """A page as the teacher sees it."""

    number: int
    """Grows with every view that is shown."""
    page: str
    """The page's path, `pages/attention/attention.py`."""
    title: str
    values: dict[str, Any]
    """What widgets are set to, by key."""
    query: dict[str, str]
    """What figures wrote into the address."""
    at_once: bool
    """Whether every screen goes there, or is only offered it."""


class Screens(NamedTuple):
    """What a learner's page asks for every few seconds."""

    view: View | None
    locked: tuple[str, ...]
    """Pages that learners may not open, by their names in the URL."""
    follow: bool
    """Whether whoever comes now goes where the teacher is."""


def screens(room: Room) -> Screens:
    """Return what the teacher shows and has locked."""
    found = room.settings()
    view = found.get("view")
    return Screens(
        None if view is None else View(**view),
        tuple(found.get("locked", ())),
        bool(found.get("follow", False)),
    )


def show_view(room: Room, view: View) -> None:
    """Show a view on every screen; its number is set here."""
    before = room.setting("view", None)
    number = 1 if before is None else before["number"] + 1
    room.set("view", view._replace(number=number)._asdict())


def lock(room: Room, pages: Sequence[str]) -> None:
    """Lock exactly these pages."""
    room.set("locked", sorted(pages))


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that can be sent to another session.

    >>> plain_values({"layer": 2, "range": (0, 3), "model": object()})
    {'layer': 2, 'range': [0, 3]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, _PLAIN):
            found[key] = value
        elif isinstance(value, list | tuple) and all(
            isinstance(each, _PLAIN) for each in value
        ):
            found[key] = list(value)
    return found
