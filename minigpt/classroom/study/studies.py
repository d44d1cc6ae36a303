"""A study of a class: started, found by one of its links, deleted. One at a time."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import delete, insert, select

from minigpt.classroom.links import digest, is_secret_of, new_secret
from minigpt.classroom.room import Room
from minigpt.classroom.study.design import ARMS, Arm
from minigpt.classroom.study.forms import Item
from minigpt.classroom.tables import studies, study_items
from minigpt.errors import RoomError

BY_LOT: Final = "lot"
"""The link that draws the arm."""


class Study(NamedTuple):
    """A study."""

    id: int
    lesson: str
    """By its name in the URL."""
    model: str
    """By its id in the catalogue."""
    links: dict[str, str]
    """The secrets of the links: of each arm, and of the one that draws it."""
    started: float
    """In Unix seconds."""
    later: float
    """From when on the second test after the lesson may be taken."""


def start(
    room: Room, lesson: str, model: str, later: float, forms: Sequence[Sequence[Item]]
) -> None:
    """Start a study.

    Args:
        room: The class.
        lesson: By its name in the URL.
        model: By its id in the catalogue.
        later: From when on the second test after the lesson may be taken.
        forms: What `forms.compose` returned.

    Raises:
        RoomError: If there is one already, or it cannot be written.
    """
    if current(room) is not None:
        raise RoomError("There is a study already. Delete it before you start another.")
    links = {link: new_secret() for link in (*ARMS, BY_LOT)}
    row = {"lesson": lesson, "model": model, "links": links, "later": later}
    with room.changing() as session:
        made = session.execute(insert(studies).values(started=time.time(), **row))
        (number,) = made.inserted_primary_key or (None,)
        session.execute(
            insert(study_items),
            [
                {"study": number, "form": form, "place": place, "item": item._asdict()}
                for form, items in enumerate(forms)
                for place, item in enumerate(items)
            ],
        )


def current(room: Room) -> Study | None:
    """Return the study of a class; None without one."""
    with room.reading() as session:
        row = session.execute(select(studies)).first()
    return None if row is None else Study(**row._mapping)


def found_by(room: Room, secret: str) -> tuple[Study, Arm | None]:
    """Return the study that a link leads to, and its arm; None: it is to be drawn.

    Raises:
        RoomError: If the link is of no study.
    """
    study = current(room)
    for link, own in {} if study is None else study.links.items():
        if study is not None and is_secret_of(secret, digest(own)):
            arm: Arm | None = next((each for each in ARMS if each == link), None)
            return study, arm
    raise RoomError("This link leads to no study any more. Ask for the new one.")


def forms_of(room: Room, study: Study) -> list[list[Item]]:
    """Return the forms of a study's test, [form place]."""
    asked = (
        select(study_items)
        .where(study_items.c.study == study.id)
        .order_by(study_items.c.form, study_items.c.place)
    )
    forms: dict[int, list[Item]] = {}
    with room.reading() as session:
        for row in session.execute(asked):
            item = {**row.item, "options": tuple(row.item["options"])}
            forms.setdefault(row.form, []).append(Item(**item))
    return list(forms.values())


def remove(room: Room, study: Study) -> None:
    """Delete a study with all that was answered in it."""
    with room.changing() as session:
        session.execute(delete(studies).where(studies.c.id == study.id))
