"""The class of this server, if it has one: opened at the start, found by sessions."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from minigpt.classroom.room import Room


class Opened(NamedTuple):
    """A class, and how browsers find it."""

    room: "Room"
    cookie: str
    """The name of the cookie that holds a browser's secret."""
    port: int
    """Where the server listens."""
    named: tuple[str, ...] = ()
    """The names that whoever started the server has allowed."""


_opened: list[Opened] = []


def open_room(opened: Opened | None) -> None:
    """Open the class of this server, or with None close it."""
    _opened[:] = [] if opened is None else [opened]


def opened() -> Opened | None:
    """Return the class of this server; None without one."""
    return _opened[0] if _opened else None
