"""What the learners' models wrote, shown to the class if the learner agrees."""

from typing import NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from minigpt import spreadsheet
from minigpt.classroom.links import digest
from minigpt.classroom.room import Room
from minigpt.classroom.tables import members, shown_texts
from minigpt.errors import RoomError

MOST = 6
"""Texts of one learner: a board that one of them fills shows nobody else's."""
LONGEST = 4000
"""Characters of one text that are shown; the rest is left out."""


class ShownText(NamedTuple):
    """A text that a learner shows."""

    id: int
    name: str
    """The learner's."""
    model: str
    prompt: str
    text: str
    """What the model wrote after the prompt."""


def show(room: Room, member: str, model: str, prompt: str, text: str) -> None:
    """Show a text to the class, under its learner's name.

    Args:
        room: The class.
        member: The learner's id.
        model: What the model is called.
        prompt: What the model was given.
        text: What it wrote.

    Raises:
        RoomError: If the learner shows as many as they may, or this one already.
    """
    row = {"member": member, "model": model[:80], "digest": _digest(prompt, text)}
    row |= {"prompt": prompt[-LONGEST:], "text": text[:LONGEST]}
    own = select(func.count()).where(shown_texts.c.member == member)
    try:
        with room.changing() as session:
            if (session.scalar(own) or 0) >= MOST:
                raise RoomError(
                    f"You show {MOST} texts, as many as each may: take one back first."
                )
            session.execute(insert(shown_texts).values(row))
    except IntegrityError:
        raise RoomError("The class sees this text already.") from None


def find(room: Room, member: str, prompt: str, text: str) -> int | None:
    """Return the number of a text that a learner shows; None if they do not."""
    asked = select(shown_texts.c.id).where(
        shown_texts.c.member == member, shown_texts.c.digest == _digest(prompt, text)
    )
    with room.reading() as session:
        return session.scalar(asked)


def shown(room: Room) -> list[ShownText]:
    """Return what is shown, the latest first."""
    columns = (shown_texts.c[name] for name in ("model", "prompt", "text"))
    asked = (
        select(shown_texts.c.id, members.c.name, *columns)
        .join(members, members.c.id == shown_texts.c.member)
        .order_by(shown_texts.c.id.desc())
    )
    with room.reading() as session:
        return [ShownText(*row) for row in session.execute(asked)]


def take_back(room: Room, number: int, member: str | None = None) -> None:
    """Show a text no longer; nothing happens if it is gone already.

    Args:
        room: The class.
        number: The text's.
        member: Who takes it back, if it is theirs; None: the teacher.
    """
    gone = delete(shown_texts).where(shown_texts.c.id == number)
    if member is not None:
        gone = gone.where(shown_texts.c.member == member)
    with room.changing() as session:
        session.execute(gone)


def to_csv(room: Room) -> str:
    """Write what is shown as a table."""
    rows = (row[1:] for row in reversed(shown(room)))
    return spreadsheet.to_csv(("name", "model", "prompt", "text"), rows)


def _digest(prompt: str, text: str) -> str:
    return digest(repr((prompt, text)))
