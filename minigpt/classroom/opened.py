"""The class of this server, if it has one: opened at the start, found by sessions."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from minigpt.errors import RoomError, RunError
from minigpt.runs.lock import RunLock

if TYPE_CHECKING:
    from minigpt.classroom.room import Room


class Login(NamedTuple):
    """How a class is entered by an account, in place of the learners' link."""

    root: str
    """Where browsers find the app, as the provider of the accounts knows it."""
    teachers: frozenset[str]
    """The e-mail addresses of those who teach, in small letters."""


class Opened(NamedTuple):
    """A class, and how browsers find it."""

    room: "Room"
    cookie: str
    """The name of the cookie that holds a browser's secret."""
    port: int
    """Where the server listens."""
    named: tuple[str, ...] = ()
    """The names that whoever started the server has allowed."""
    login: Login | None = None


_opened: list[Opened] = []


def open_room(opened: Opened | None) -> None:
    """Open the class of this server, or with None close it."""
    _opened[:] = [] if opened is None else [opened]


def opened() -> Opened | None:
    """Return the class of this server; None without one."""
    return _opened[0] if _opened else None


def claim(folder: Path) -> None:
    """Take a class's directory for this process, until it ends.

    Two servers of one class would make each other's links invalid.

    Args:
        folder: The directory, made if it is not there.

    Raises:
        RoomError: If another server has it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        RunLock.acquire(folder)
    except RunError:
        raise RoomError(
            "This class is open already, in another terminal. Use that one, or stop it "
            "first. For a second class, set MINIGPT_DATA to another folder."
        ) from None
