"""People who come by an account of their school's, in place of a link.

Somebody else has verified who they are: here stands what a class makes of it. The same
account is the same learner, in every browser.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, count
from typing import NamedTuple

from sqlalchemy import insert, select

from minigpt.classroom.links import digest, new_secret
from minigpt.classroom.names import LONGEST, TakenError, fitted_name, name_key
from minigpt.classroom.room import Room
from minigpt.classroom.tables import members, seats
from minigpt.errors import RoomError

_TRIES = 5
"""As many come at the same moment under one name, and are told apart."""
_NAMES = ("name", "preferred_username", "email")
"""The claims that may tell a name, the best first."""


class Person(NamedTuple):
    """Somebody who has logged in."""

    member: str
    """The id that they have, or would have, as a learner: of the issuer and subject."""
    name: str
    email: str | None
    """In small letters; None, unless the issuer says that it is theirs."""


def person_of(claims: Mapping[str, object]) -> Person | None:
    """Return who somebody is; None if that cannot be told.

    Args:
        claims: What the issuer says of them, verified (OpenID Connect Core 1.0, 5.1).
    """
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not (isinstance(issuer, str) and isinstance(subject, str) and subject):
        return None
    email = claims.get("email")
    is_theirs = claims.get("email_verified") in (True, "true")
    return Person(
        digest(f"{issuer}\n{subject}")[:12],
        next(_fitting_names(claims)),
        email.lower() if is_theirs and isinstance(email, str) else None,
    )


def let_in(room: Room, person: Person, teachers: frozenset[str]) -> str:
    """Let somebody in: as a teacher, the learner they were, or a new one.

    Args:
        room: The class.
        person: Who has logged in.
        teachers: The e-mail addresses of those who teach, in small letters.

    Returns:
        The secret that this browser keeps as a cookie.

    Raises:
        RoomError: If they are new, and the door is closed or the class full.
    """
    if person.email in teachers:
        return room.teach(room.teach_secret)
    for tries_left in reversed(range(_TRIES)):
        if _is_known(room, person):
            break
        room.require_door()
        try:
            return room.admit(_free_name(room, person.name), person.member)
        except TakenError:  # by another tab of theirs, or somebody of the same name
            if not tries_left:
                raise
    cookie = new_secret()
    with room.changing() as session:
        seat = {"digest": digest(cookie), "member": person.member}
        session.execute(insert(seats).values(seat))
    return cookie


def _is_known(room: Room, person: Person) -> bool:
    asked = select(members.c.id).where(members.c.id == person.member)
    with room.reading() as session:
        return session.scalar(asked) is not None


def _fitting_names(claims: Mapping[str, object]) -> Iterator[str]:
    for given in map(claims.get, _NAMES):
        if isinstance(given, str):
            try:
                yield fitted_name(given.partition("@")[0])
            except RoomError:
                continue
    yield "Learner"


def _free_name(room: Room, name: str) -> str:
    """Return a name that nobody has: with a number behind it, if need be."""
    taken = {name_key(each.name) for each in room.members()}
    numbered = (f"{name[: LONGEST - 4].rstrip()} {number}" for number in count(2))
    return next(each for each in chain([name], numbered) if name_key(each) not in taken)
