"""What participants answered: item by item, as scores, and as an anonymous table."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError

from minigpt import spreadsheet
from minigpt.classroom.room import Room
from minigpt.classroom.study.design import LENGTH, TESTS, Arm, Test, form_of
from minigpt.classroom.study.forms import Item
from minigpt.classroom.study.participants import Participant, answered
from minigpt.classroom.study.studies import Study, forms_of
from minigpt.classroom.tables import participants, responses
from minigpt.errors import RoomError


class Asked(NamedTuple):
    """The item that a participant sees now."""

    place: int
    """Counted from 0."""
    item: Item


class Scores(NamedTuple):
    """How many items of each test a participant had right; None: not all answered."""

    code: str
    arm: Arm
    before: int | None
    after: int | None
    later: int | None


def next_item(room: Room, study: Study, who: Participant, test: Test) -> Asked | None:
    """Return the item that comes next in a test; None after the last."""
    place = answered(room, who)[test]
    if place >= LENGTH:
        return None
    return Asked(place, forms_of(room, study)[form_of(who.first_form, test)][place])


def respond(
    room: Room,
    who: Participant,
    test: Test,
    place: int,
    choice: int | None,
    seconds: float,
) -> None:
    """Keep an answer; an item is answered once, and items in their order.

    Args:
        room: The class.
        who: The participant.
        test: Which test.
        place: Which item, as their page has shown it.
        choice: Which option; None: they do not know.
        seconds: How long they have looked at it.

    Raises:
        RoomError: If this item is not the next one: another tab has answered it.
    """
    row = {"who": who.id, "test": test, "place": place, "choice": choice}
    try:
        if answered(room, who)[test] != place:
            raise RoomError("This item is answered. Here is the next one.")
        with room.changing() as session:
            session.execute(insert(responses).values(**row, seconds=round(seconds, 1)))
    except IntegrityError:
        raise RoomError("This item is answered. Here is the next one.") from None


def scores(room: Room, study: Study) -> list[Scores]:
    """Return how many items each participant had right, by code."""
    right: dict[tuple[str, Arm], dict[Test, list[bool]]] = {
        (row.code, row.arm): {test: [] for test in TESTS}
        for row in _participants(room, study)
    }
    forms = forms_of(room, study)
    for row in _responses(room, study):
        item = forms[form_of(row.first_form, row.test)][row.place]
        right[row.code, row.arm][row.test].append(row.choice == item.answer)
    return [
        Scores(*who, *(sum(t) if len(t) == LENGTH else None for t in tests.values()))
        for who, tests in right.items()
    ]


def gains(found: list[Scores], first: Test, second: Test) -> dict[Arm, list[float]]:
    """Return by how many items each participant is better in the second of two tests.

    Whoever has not taken both is left out.
    """
    gained: dict[Arm, list[float]] = {"locked": [], "free": []}
    for each in found:
        one, other = getattr(each, first), getattr(each, second)
        if one is not None and other is not None:
            gained[each.arm].append(float(other - one))
    return gained


def to_csv(room: Room, study: Study) -> str:
    """Write every answer as a table: a code stands for the learner, and no name.

    Codes come in the order of the alphabet, which says nothing of who came when.
    """
    header = ("code", "arm", "minutes in the lesson", "test", "item", "form", "kind")
    told = ("question", "answer", "said", "right", "seconds")
    return spreadsheet.to_csv((*header, *told), _rows(room, study))


def _rows(room: Room, study: Study) -> Iterator[tuple[object, ...]]:
    forms = forms_of(room, study)
    for row in _responses(room, study):
        form = form_of(row.first_form, row.test)
        item = forms[form][row.place]
        is_known = None not in (row.began, row.ready)
        minutes = round((row.ready - row.began) / 60, 1) if is_known else None
        said = None if row.choice is None else item.options[row.choice]
        who = (row.code, row.arm, minutes, row.test, row.place + 1, "ABC"[form])
        right = int(row.choice == item.answer)
        yield (*who, item.kind, item.plain, item.right, said, right, row.seconds)


def _participants(room: Room, study: Study) -> list[Row[Any]]:
    asked = select(participants).where(participants.c.study == study.id)
    with room.reading() as session:
        return list(session.execute(asked.order_by(participants.c.code)))


def _responses(room: Room, study: Study) -> list[Row[Any]]:
    """Return every answer with its participant, by code, test and place."""
    asked = (
        select(responses, participants)
        .join(participants, participants.c.id == responses.c.who)
        .where(participants.c.study == study.id)
        .order_by(participants.c.code, responses.c.place)
    )
    with room.reading() as session:
        rows = list(session.execute(asked))
    return sorted(rows, key=lambda row: (row.code, TESTS.index(row.test)))
