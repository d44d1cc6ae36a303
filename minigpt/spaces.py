"""Whose models, runs and texts are meant: everybody's, or one learner's in a class.

A class shares one server. Each learner works in a space of their own: a data directory
(see `places`) that nobody else's session can name, beside models that all may open. A
page or a function of the library need not know: it asks `places.data_directory`, opens
files by `regular_files`, and takes its share by `classroom.quotas`; those ask here.

Without a class there is no space, and nothing is refused.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

ROOM, LEARNERS = "room", "learners"
"""A learner's data directory is `room/learners/<id>` in that of the server."""


@dataclass(frozen=True)
class Limits:
    """How much each learner of a class may use."""

    runs: int = 2
    """Trainings at once, of one learner: a race takes two. More of them wait."""
    waiting: int = 6
    """Trainings of one learner that wait for their turn."""
    minutes: int = 240
    """Minutes of training, of one learner, all trainings together."""
    megabytes: int = 1000
    """On disk, of one learner."""
    upload_megabytes: int = 50
    """The largest file that a learner may upload."""
    learners: int = 60
    """Who may join; otherwise new names would be a way around all other limits."""


@dataclass(frozen=True)
class Space:
    """One person's part of a server with a class."""

    data: Path
    """Their data directory."""
    everyone: Path
    """The directory of all learners' data directories."""
    shared: Path
    """Models that the teacher has shared with the class."""
    limits: Limits | None
    """Of a learner; None for the teacher, whom nothing limits."""
    readable: tuple[Path, ...] = ()
    """Directories that a learner may read, besides `data` and `shared`."""

    def may_open(self, path: Path) -> bool:
        """Whether a file lies where its owner may read, links followed."""
        if self.limits is None:
            return True
        try:
            place = path.resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        roots = (self.data, self.shared, *self.readable)
        return any(place.is_relative_to(root.resolve()) for root in roots)


def server_data(data: Path) -> Path:
    """Return the server's own data directory, from the one of anybody who uses it.

    >>> print(server_data(Path("data/room/learners/5f")), server_data(Path("data")))
    data data
    """
    learners = data.parent
    if (learners.name, learners.parent.name) == (LEARNERS, ROOM):
        return data.parents[2]
    return data


Finder = Callable[[], Space | None]

_finders: list[Finder] = []
_carried: ContextVar[Space | None] = ContextVar("_carried", default=None)


def find_by(finder: Finder | None) -> None:
    """Say how the space of whoever asks is found; None: there are no spaces.

    Args:
        finder: Returns a space; None for the server's own threads; and raises a
            `RoomError` for whoever does not belong to the class.
    """
    _finders[:] = [] if finder is None else [finder]


def current() -> Space | None:
    """Return the space in which this thread works; None where there are no spaces.

    Raises:
        RoomError: If whoever asks does not belong to the class.
    """
    found = _carried.get()
    if found is not None:
        return found
    return _finders[0]() if _finders else None


def carried(make: Callable[[], Result]) -> Callable[[], Result]:
    """Return a function that works in the space of whoever asks now, in any thread.

    A download is made when it is clicked, in a thread of the server's own, which would
    have the space of nobody, and so the teacher's files.
    """
    space = current()

    def run() -> Result:
        token = _carried.set(space)
        try:
            return make()
        finally:
            _carried.reset(token)

    return run


def may_open(path: Path) -> bool:
    """Whether whoever asks may read a file at this path."""
    space = current()
    return space is None or space.may_open(path)
