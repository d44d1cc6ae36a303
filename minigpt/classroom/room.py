"""The class: who may come in, who is there, and what the teacher shows and allows.

A room lies in one directory, `room/` of the server's data directory:

    room/room.sqlite        members and what the teacher set (see `database`)
    room/learners/<id>/     a learner's runs, models and texts
    room/shared/            models for all

It outlives the server: whoever has joined is still in after a restart. The links do
not: each start prints new ones.
"""

import secrets
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from minigpt.classroom.database import Database
from minigpt.classroom.links import derived, digest, is_secret_of, new_secret
from minigpt.classroom.names import TakenError, accepted_name, name_key
from minigpt.classroom.removals import KnownUntilRemoval
from minigpt.classroom.tables import members, seats, settings
from minigpt.errors import RoomError
from minigpt.spaces import LEARNERS, Limits, Space

AWAY = 15.0
"""Seconds without a sign of life after which a learner counts as away."""
_NOTED_EVERY = 5.0


@dataclass(frozen=True)
class Member:
    """A learner."""

    id: str
    name: str
    joined: float
    """In Unix seconds."""
    seen: float
    page: str
    """The lesson opened last, by its name in the URL."""

    @property
    def is_here(self) -> bool:
        """Whether a page of theirs is open."""
        return time.time() - self.seen < AWAY


@dataclass(frozen=True)
class Seat:
    """Who a browser belongs to: the teacher, or a learner."""

    member: str | None
    """A learner's id; None for the teacher."""
    name: str

    @property
    def is_teacher(self) -> bool:
        """Whether it is the teacher's."""
        return self.member is None


class Room:
    """A class on this server.

    Args:
        folder: Its directory, made if it is not there.
        limits: How much each learner may use.
        readable: Directories that all may read: the models that ship.
        database: Where it is kept; None: in a file of its directory.
        key: Of the same room in another process, for the same links; None: new links.

    Raises:
        RoomError: If what lies there is damaged, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        readable: tuple[Path, ...] = (),
        database: Database | None = None,
        key: str | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.limits = limits or Limits()
        self._readable = readable
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database = database or Database(self.folder)
        self._known = KnownUntilRemoval[Seat](self.folder / "removals")
        self.key = key or new_secret()
        if key is None:
            self._renew_links()

    @property
    def teach_secret(self) -> str:
        """The secret of the teacher's link."""
        return derived(self.key, self.setting("teach", ""))

    @property
    def join_secret(self) -> str:
        """The secret of the learners' link."""
        return derived(self.key, self.setting("join", ""))

    def changing(self) -> AbstractContextManager[Connection]:
        """Begin a change of the database; see `Database.changing`."""
        return self.database.changing()

    def reading(self) -> AbstractContextManager[Connection]:
        """Look into the database; see `Database.reading`."""
        return self.database.reading()

    # --- coming and going -------------------------------------------------------------

    def join(self, secret: str, typed: str) -> str:
        """Let a learner in.

        Args:
            secret: Of the join link.
            typed: What the learner wants to be called.

        Returns:
            The secret that this browser keeps as a cookie.

        Raises:
            RoomError: If the link is not this class's, the door is closed, or the name
                is taken or cannot be one.
        """
        self.require_open(secret)
        return self.admit(accepted_name(typed))

    def admit(self, name: str, member: str | None = None) -> str:
        """Make a learner of this name, and this id or a new one. See `join`."""
        cookie, now = new_secret(), time.time()
        own = member or secrets.token_hex(6)
        row = {"id": own, "name": name, "name_key": name_key(name)}
        try:
            with self.changing() as session:
                known = session.scalar(select(func.count()).select_from(members)) or 0
                if known >= self.limits.learners:
                    raise RoomError("The class is full. Tell your teacher.")
                session.execute(insert(members).values(joined=now, seen=now, **row))
                seat = {"digest": digest(cookie), "member": own}
                session.execute(insert(seats).values(seat))
        except IntegrityError:
            raise TakenError(
                f"{name} is here already. Add a letter or a digit to your name."
            ) from None
        return cookie

    def require_open(self, secret: str) -> None:
        """Check the secret of a join link.

        Raises:
            RoomError: If it is not this class's, or the door is closed.
        """
        if not is_secret_of(secret, digest(self.join_secret)):
            raise RoomError("This link is not valid any more. Ask for the new one.")
        self.require_door()

    def require_door(self) -> None:
        """Check that the teacher lets new learners in.

        Raises:
            RoomError: If the door is closed.
        """
        if self.setting("closed", False):
            raise RoomError("The teacher lets nobody in at the moment.")

    def teach(self, secret: str) -> str:
        """Let the teacher in.

        Args:
            secret: Of the teacher's link.

        Returns:
            The secret that this browser keeps as a cookie.

        Raises:
            RoomError: If it is not the teacher's link.
        """
        if not is_secret_of(secret, digest(self.teach_secret)):
            raise RoomError("This link is not valid any more. Ask for the new one.")
        cookie = new_secret()
        with self.changing() as session:
            session.execute(insert(seats).values(digest=digest(cookie)))
        return cookie

    def seat(self, cookie: str | None) -> Seat | None:
        """Return whose browser this is; None if it was never let in, or is no more."""
        if not cookie:
            return None
        key, known = digest(cookie), self._known.things()
        if key not in known:
            asked = (
                select(seats.c.member, members.c.name)
                .outerjoin(members, members.c.id == seats.c.member)
                .where(seats.c.digest == key)
            )
            with self.reading() as session:
                row = session.execute(asked).one_or_none()
            if row is None:
                return None
            # Whoever was removed since we asked is not known again: it is another dict.
            known[key] = Seat(row.member, row.name or "Teacher")
        return known[key]

    def leave(self, cookie: str) -> None:
        """Forget a browser; what its learner made stays until the end of the class."""
        with self.changing() as session:
            session.execute(delete(seats).where(seats.c.digest == digest(cookie)))
        self._known.forget()

    def remove(self, member: str) -> None:
        """Forget a learner: seats and answers. `ending.remove` clears the rest."""
        with self.changing() as session:
            session.execute(delete(members).where(members.c.id == member))
        self._known.forget()

    def forget_all(self) -> None:
        """Forget every learner, vote and setting; the teacher stays, links are new."""
        with self.changing() as session:
            session.execute(delete(seats).where(seats.c.member.is_not(None)))
            for table in reversed(members.metadata.sorted_tables):
                if table is not seats:
                    session.execute(delete(table))
        self.database.purge()
        self._known.forget()
        self._renew_links()

    # --- who is there -----------------------------------------------------------------

    def members(self) -> list[Member]:
        """Return the learners by name."""
        asked = select(
            *(members.c[name] for name in ("id", "name", "joined", "seen", "page"))
        )
        with self.reading() as session:
            rows = session.execute(asked.order_by(members.c.name_key)).all()
        return [Member(*row) for row in rows]

    def note(self, member: str, page: str) -> None:
        """Note that a learner's page is open; written at most every few seconds."""
        now = time.time()
        is_stale = (members.c.page != page) | (members.c.seen < now - _NOTED_EVERY)
        change = update(members).where(members.c.id == member, is_stale)
        with self.reading() as session:
            asked = select(members.c.id).where(members.c.id == member, is_stale)
            if session.scalar(asked) is None:
                return
        with self.changing() as session:
            session.execute(change.values(seen=now, page=page[:64]))

    def space_of(self, member: str | None) -> Space:
        """Return a learner's space; None: the teacher's, whom nothing limits."""
        everyone, shared = self.folder / LEARNERS, self.folder / "shared"
        if member is None:
            return Space(self.folder.parent, everyone, shared, None)
        own = everyone / member
        return Space(own, everyone, shared, self.limits, self._readable)

    # --- what the teacher set ---------------------------------------------------------

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting of the class."""
        with self.reading() as session:
            asked = select(settings.c.value).where(settings.c.name == name)
            row = session.execute(asked).one_or_none()
        return default if row is None else row.value

    def settings(self) -> dict[str, Any]:
        """Return every setting of the class, by name."""
        with self.reading() as session:
            return {row.name: row.value for row in session.execute(select(settings))}

    def set(self, name: str, value: Any) -> None:
        """Change a setting of the class.

        Args:
            name: `locked`, `view`, `closed`, …
            value: Anything that JSON can hold.
        """
        with self.changing() as session:
            session.execute(delete(settings).where(settings.c.name == name))
            session.execute(insert(settings).values(name=name, value=value))

    def _renew_links(self) -> None:
        """Make both links anew; those before are of no use any more."""
        for link in ("teach", "join"):
            self.set(link, f"{link} {new_secret()}")
