"""Who takes part in a study: in which arm, under which code, and how far they are.

    before → lesson → after → wait → later → done

A code stands for a learner. Nobody sees it but they, and it is what they come back with
on another computer.
"""

import secrets
import time
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from minigpt.classroom.links import digest, new_secret
from minigpt.classroom.room import Room
from minigpt.classroom.study.design import FORMS, LENGTH, TESTS, Arm, Test, arm_by_lot
from minigpt.classroom.study.studies import BY_LOT, Study, current
from minigpt.classroom.tables import participants, responses, seats
from minigpt.errors import RoomError

Stage = Literal["before", "lesson", "after", "wait", "later", "done"]
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without those that look alike."""
_CODE = 6
_RETRIES = 20


class Participant(NamedTuple):
    """A learner in a study."""

    id: int
    study: int
    member: str
    """The learner's id in the class."""
    code: str
    number: int
    """How many came before."""
    arm: Arm
    first_form: int
    began: float | None
    """When they opened the lesson, in Unix seconds."""
    ready: float | None
    """When they left it for the test after it."""


def come_in(room: Room, study: Study, arm: Arm | None) -> str:
    """Let somebody in who is not of the class yet; they need no name.

    Args:
        room: The class.
        study: The study.
        arm: That of their link; None: it is drawn.

    Returns:
        The secret that this browser keeps as a cookie.

    Raises:
        RoomError: If the door is closed, or the class is full.
    """
    room.require_door()
    cookie = room.admit(f"Learner {_new_code()}")
    here = room.seat(cookie)
    if here is not None and here.member is not None:
        enrol(room, study, here.member, arm)
    return cookie


def come_back(room: Room, study: Study, code: str) -> str:
    """Let a participant in again, by their code.

    Returns:
        The secret that this browser keeps as a cookie.

    Raises:
        RoomError: If nobody has the code.
    """
    typed = code.strip().upper()
    found = _find(room, participants.c.study == study.id, participants.c.code == typed)
    if found is None:
        raise RoomError("Nobody in this study has that code. Look at your note again.")
    cookie = new_secret()
    with room.changing() as session:
        seat = {"digest": digest(cookie), "member": found.member}
        session.execute(insert(seats).values(seat))
    return cookie


def enrol(room: Room, study: Study, member: str, arm: Arm | None) -> Participant:
    """Let a learner of the class take part; whoever does already stays in their arm.

    Args:
        room: The class.
        study: The study.
        member: The learner's id.
        arm: That of their link; None: it is drawn.
    """
    for _ in range(_RETRIES):
        known = participant(room, study, member)
        if known is not None:
            return known
        try:
            _write(room, study, member, arm)
        except IntegrityError:
            continue  # somebody else got the number, or the code, a moment before
    raise RoomError("Too many come at once. Open the link again.")


def _write(room: Room, study: Study, member: str, arm: Arm | None) -> None:
    own = participants.c.study == study.id
    count = select(func.count()).select_from(participants)
    last = select(func.max(participants.c.number)).where(own)
    with room.changing() as session:
        highest = session.scalar(last)
        number = 0 if highest is None else highest + 1
        drawn = arm or arm_by_lot(study.links[BY_LOT], number)
        beside = session.scalar(count.where(own, participants.c.arm == drawn)) or 0
        session.execute(
            insert(participants).values(
                study=study.id,
                member=member,
                code=_new_code(),
                number=number,
                arm=drawn,
                first_form=beside % FORMS,
            )
        )


def participant(room: Room, study: Study, member: str) -> Participant | None:
    """Return a learner's part in a study; None if they have none."""
    return _find(
        room, participants.c.study == study.id, participants.c.member == member
    )


def part_of(room: Room, member: str) -> "tuple[Study, Participant] | None":
    """Return the study that a learner takes part in, and their part in it."""
    study = current(room)
    found = None if study is None else participant(room, study, member)
    return None if study is None or found is None else (study, found)


def answered(room: Room, who: Participant) -> dict[Test, int]:
    """Return how many items a participant has answered of each test."""
    asked = (
        select(responses.c.test, func.count())
        .where(responses.c.who == who.id)
        .group_by(responses.c.test)
    )
    with room.reading() as session:
        counts: dict[str, int] = dict(row._tuple() for row in session.execute(asked))
    return {test: counts.get(test, 0) for test in TESTS}


def stage_of(room: Room, study: Study, who: Participant) -> Stage:
    """Return how far a participant is, now."""
    done = answered(room, who)
    if done["before"] < LENGTH:
        return "before"
    if who.ready is None:
        return "lesson"
    if done["after"] < LENGTH:
        return "after"
    if done["later"] >= LENGTH:
        return "done"
    return "later" if time.time() >= study.later else "wait"


def mark(room: Room, who: Participant, moment: Literal["began", "ready"]) -> None:
    """Note that a participant opens the lesson, or leaves it; the first time counts."""
    column = participants.c[moment]
    change = update(participants).where(participants.c.id == who.id, column.is_(None))
    with room.changing() as session:
        session.execute(change.values({moment: time.time()}))


def leave(room: Room, who: Participant) -> None:
    """Delete a participant's part in a study, with all that they answered in it."""
    with room.changing() as session:
        session.execute(delete(participants).where(participants.c.id == who.id))


def _find(room: Room, *conditions: ColumnElement[bool]) -> Participant | None:
    with room.reading() as session:
        row = session.execute(select(participants).where(*conditions)).one_or_none()
    return None if row is None else Participant(**row._mapping)


def _new_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_CODE))
