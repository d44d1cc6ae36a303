"""The class predicts: everybody commits, then the answers are counted and revealed.

    voting   → counted → revealed
      ↑___________|__________|        the second round, after talking to a neighbour

Each learner's first answer of a round counts. What was answered is kept, with the first
and the second answer, until the class ends.

Source: Mazur, "Peer Instruction" (1997).
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from minigpt import spreadsheet
from minigpt.classroom.room import Room
from minigpt.classroom.tables import ballots, members, votes
from minigpt.errors import RoomError

Stage = Literal["voting", "counted", "revealed", "closed"]
ROUNDS = (1, 2)
_TOO_LATE = "It is too late: your teacher has counted the answers."


class Asked(NamedTuple):
    """A question, as plain text."""

    item: str
    """Tells the question from others of its kind."""
    text: str
    options: tuple[str, ...]
    answer: int
    """Which option is right."""
    why: str


class Vote(NamedTuple):
    """A question to the whole class, and how far it is."""

    id: int
    page: str
    """The lesson that asks, by its name in the URL."""
    asked: Asked
    stage: Stage
    round: int

    @property
    def is_open(self) -> bool:
        """Whether the answer is still covered."""
        return self.stage in ("voting", "counted")


def ask(room: Room, page: str, asked: Asked) -> None:
    """Ask the class; the question before, if there is one, is closed."""
    with room.changing() as session:
        session.execute(update(votes).values(stage="closed"))
        session.execute(
            insert(votes).values(
                page=page,
                question=asked._asdict(),
                stage="voting",
                round=1,
                opened=time.time(),
            )
        )


def current(room: Room) -> Vote | None:
    """Return the question on the screens; None where nothing is asked."""
    last = select(votes).order_by(votes.c.id.desc()).limit(1)
    with room.reading() as session:
        row = session.execute(last).one_or_none()
    return None if row is None or row.stage == "closed" else _vote(row)


def answer(room: Room, vote: int, member: str, choice: int) -> None:
    """Commit a learner to an answer.

    Args:
        room: The class.
        vote: Which question, as the learner's page has shown it.
        member: The learner's id.
        choice: Which option.

    Raises:
        RoomError: If it is too late, is answered already, or there is no such option.
    """
    now = current(room)
    if now is None or now.id != vote or now.stage != "voting":
        raise RoomError(_TOO_LATE)
    if not 0 <= choice < len(now.asked.options):
        raise RoomError("There is no such answer.")
    # The teacher may count, and reveal, between the look and the answer.
    is_open = _is_as(now)
    ballot = select(votes.c.id, literal(member), votes.c.round, literal(choice))
    columns = ("vote", "member", "round", "choice")
    try:
        with room.changing() as session:
            done = session.execute(
                insert(ballots).from_select(columns, ballot.where(is_open))
            )
    except IntegrityError:
        raise RoomError("You have answered: the first answer counts.") from None
    if not done.rowcount:
        raise RoomError(_TOO_LATE)


def answers_of(room: Room, vote: Vote, member: str) -> dict[int, int]:
    """Return what a learner has answered, by round."""
    asked = select(ballots.c.round, ballots.c.choice).where(
        ballots.c.vote == vote.id, ballots.c.member == member
    )
    with room.reading() as session:
        return {row.round: row.choice for row in session.execute(asked)}


def tally(room: Room, vote: Vote) -> list[list[int]]:
    """Return how many chose each option, [round option], up to the present round."""
    counts = [[0] * len(vote.asked.options) for _ in range(vote.round)]
    asked = select(ballots.c.round, ballots.c.choice).where(
        # The next round may have begun since, in another tab of the teacher's.
        ballots.c.vote == vote.id,
        ballots.c.round <= vote.round,
    )
    with room.reading() as session:
        for row in session.execute(asked):
            counts[row.round - 1][row.choice] += 1
    return counts


def move(room: Room, vote: Vote, stage: Stage) -> None:
    """Go on to the next stage; `voting` is a second round.

    Nothing happens if the question is at another stage already: a button was clicked
    twice, or in another tab that still shows the stage before.

    Raises:
        RoomError: If both rounds are over.
    """
    number = vote.round
    if stage == "voting":
        if vote.round == ROUNDS[-1]:
            raise RoomError("The class has voted twice.")
        number += 1
    with room.changing() as session:
        session.execute(
            update(votes).where(_is_as(vote)).values(stage=stage, round=number)
        )


def _is_as(vote: Vote) -> ColumnElement[bool]:
    """Whether a question is still as far as somebody has seen it."""
    return and_(
        votes.c.id == vote.id,
        votes.c.stage == vote.stage,
        votes.c.round == vote.round,
    )


def to_csv(room: Room) -> str:
    """Write every answer as a table: nothing of a learner but the name they chose."""
    header = ("name", "lesson", "question", "answer")
    told = ("first answer", "first right", "second answer", "second right")
    return spreadsheet.to_csv((*header, *told), _rows(room))


def _rows(room: Room) -> Iterator[list[object]]:
    for (name, vote), choices in _by_learner(room).items():
        asked = vote.asked
        answer = asked.options[asked.answer]
        row: list[object] = [name, vote.page or "home", asked.text, answer]
        for number in ROUNDS:
            choice = choices.get(number)
            said = None if choice is None else asked.options[choice]
            right = None if choice is None else int(choice == asked.answer)
            row += [said, right]
        yield row


def _by_learner(room: Room) -> dict[tuple[str, Vote], dict[int, int]]:
    asked = (
        select(members.c.name, votes, ballots.c.choice)
        .add_columns(ballots.c.round.label("in_round"))
        .join(votes, votes.c.id == ballots.c.vote)
        .join(members, members.c.id == ballots.c.member)
        .order_by(votes.c.id, members.c.name_key, ballots.c.round)
    )
    found: dict[tuple[str, Vote], dict[int, int]] = {}
    with room.reading() as session:
        for row in session.execute(asked):
            found.setdefault((row.name, _vote(row)), {})[row.in_round] = row.choice
    return found


def _vote(row: Row[Any]) -> Vote:
    question = {**row.question, "options": tuple(row.question["options"])}
    return Vote(row.id, row.page, Asked(**question), row.stage, row.round)


def chosen_most(counts: Sequence[int]) -> int | None:
    """Return the option that most have chosen; None where nobody has."""
    return max(range(len(counts)), key=counts.__getitem__) if any(counts) else None
