"""Which questions of the lessons' Checks the class misses most, the first time.

A Check grades at once and offers another item, so only the first one of each kind says
what a learner knew.
"""

from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from minigpt import spreadsheet
from minigpt.classroom.room import Room
from minigpt.classroom.tables import first_tries, members


class Try(NamedTuple):
    """What a learner answered to an item of some kind. All of it is plain text."""

    kind: str
    """Lesson and question, as in `attention.scale`."""
    question: str
    said: str
    answer: str
    right: bool


class Missed(NamedTuple):
    """A kind of question, and how the class did on it the first time."""

    kind: str
    tried: int
    missed: int
    example: str
    """An item of it, one that was missed if there is one."""

    @property
    def share(self) -> float:
        """How many of those who tried have missed it, from 0 to 1."""
        return self.missed / self.tried


def note(room: Room, member: str, tried: Try) -> None:
    """Keep what a learner answered, unless it is not their first item of its kind.

    Raises:
        RoomError: If it cannot be kept.
    """
    row = tried._replace(
        question=tried.question[:2000], said=tried.said[:500], answer=tried.answer[:500]
    )
    try:
        with room.changing() as session:
            session.execute(
                insert(first_tries).values(
                    member=member, **{**row._asdict(), "right": int(tried.right)}
                )
            )
    except IntegrityError:
        return  # tried before; or the learner was removed just now


def missed_most(room: Room) -> list[Missed]:
    """Return every kind that somebody tried, the one with most misses first."""
    tried = func.count()
    missed = tried - func.sum(first_tries.c.right)
    # Of each kind the last row stays: an item that was missed, if there is one.
    examples = select(first_tries.c.kind, first_tries.c.question).order_by(
        first_tries.c.right.desc(), first_tries.c.question
    )
    asked = select(first_tries.c.kind, tried, missed).group_by(first_tries.c.kind)
    with room.reading() as session:
        example = {row.kind: row.question for row in session.execute(examples)}
        rows = session.execute(asked).all()
    found = [Missed(row[0], row[1], row[2], example[row[0]]) for row in rows]
    return sorted(found, key=lambda each: (-each.share, -each.tried, each.kind))


def to_csv(room: Room) -> str:
    """Write every first try as a table, under the names that learners chose."""
    columns = ("kind", "question", "answer", "said", "right")
    asked = (
        select(members.c.name, *(first_tries.c[name] for name in columns))
        .join(members, members.c.id == first_tries.c.member)
        .order_by(first_tries.c.kind, members.c.name_key)
    )
    with room.reading() as session:
        rows = session.execute(asked).all()
    return spreadsheet.to_csv(("name", *columns), rows)
