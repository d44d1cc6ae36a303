"""The class predicts: what is counted, kept, refused, revealed and written."""

import csv
import io

import pytest

from minigpt.classroom import ending, votes
from minigpt.classroom.votes import Asked
from minigpt.errors import RoomError
from viz.classroom.votes import FIRST, SECOND, vote_bars, vote_table

ASKED = Asked("0123456789ab", "Which token?", ("the", "=cat", "sat"), 1, "It is .62.")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request) -> str:
    """Keep the class in both, one after the other."""
    return request.param


@pytest.fixture
def asked(school):
    """Ask the class."""
    votes.ask(school.room, "attention", ASKED)
    return school


def now(school):
    return votes.current(school.room)


def say(school, cookie: str, choice: int, vote: int | None = None) -> None:
    number = now(school).id if vote is None else vote
    votes.answer(school.room, number, school.id_of(cookie), choice)


def test_two_rounds_are_counted_and_kept_apart(asked):
    room = asked.room
    say(asked, asked.ann, 0)
    assert votes.tally(room, now(asked)) == [[1, 0, 0]]
    say(asked, asked.bob, 1)
    votes.move(room, now(asked), "counted")
    votes.move(room, now(asked), "voting")
    assert votes.tally(room, now(asked)) == [[1, 1, 0], [0, 0, 0]]
    say(asked, asked.ann, 1)
    votes.move(room, now(asked), "counted")
    votes.move(room, now(asked), "revealed")
    assert votes.tally(room, now(asked)) == [[1, 1, 0], [0, 1, 0]]
    assert votes.answers_of(room, now(asked), asked.id_of(asked.ann)) == {1: 0, 2: 1}
    votes.move(room, now(asked), "closed")
    assert now(asked) is None


def test_an_answer_that_does_not_count_is_refused(asked):
    room, stranger = asked.room, "000000000000"
    say(asked, asked.ann, 2)
    refused = {
        "a second answer": lambda: say(asked, asked.ann, 1),
        "no option": lambda: say(asked, asked.bob, 3),
        "one before the first": lambda: say(asked, asked.bob, -1),
        "another question": lambda: say(asked, asked.bob, 1, vote=99),
        "a stranger's": lambda: votes.answer(room, now(asked).id, stranger, 1),
    }
    for which, attempt in refused.items():
        with pytest.raises(RoomError):
            attempt()
        assert votes.tally(room, now(asked)) == [[0, 0, 1]], which
    votes.move(room, now(asked), "counted")
    with pytest.raises(RoomError, match="too late"):
        say(asked, asked.bob, 1)
    votes.move(room, now(asked), "voting")
    with pytest.raises(RoomError, match="twice"):
        votes.move(room, now(asked), "voting")


def test_the_next_question_closes_the_one_before(asked):
    first = now(asked).id
    votes.ask(asked.room, "block", ASKED._replace(text="Another?"))
    assert now(asked).asked.text == "Another?"
    with pytest.raises(RoomError):
        say(asked, asked.ann, 1, vote=first)


def test_the_table_holds_names_and_answers_and_no_formula(asked):
    say(asked, asked.ann, 1)
    say(asked, asked.bob, 0)
    votes.move(asked.room, now(asked), "counted")
    votes.move(asked.room, now(asked), "voting")
    say(asked, asked.bob, 1)
    rows = list(csv.DictReader(io.StringIO(votes.to_csv(asked.room))))
    assert [[row["name"], row["first right"], row["second right"]] for row in rows] == [
        ["Ann", "1", ""],
        ["Bob", "0", "1"],
    ]
    assert rows[1]["first answer"] == "the"
    assert rows[1]["second answer"] == "'=cat"
    written = votes.to_csv(asked.room)
    hidden = (asked.id_of(asked.ann), asked.ann, "127.0.0.1")
    assert not [word for word in hidden if word in written]
    ending.remove(asked.room, asked.id_of(asked.ann))
    assert "Ann" not in votes.to_csv(asked.room)
    ending.wipe(asked.room)
    assert len(votes.to_csv(asked.room).splitlines()) == 1


def test_the_bars_hold_the_counts_and_mark_the_answer_only_when_told():
    table = vote_table(ASKED.options, [[3, 1, 0], [0, 4, 0]])
    assert "✓" not in "".join(table["option"])
    first = table[table["round"] == FIRST]
    assert list(first["answers"]) == [3, 1, 0]
    assert list(table[table["round"] == SECOND]["answers"]) == [0, 4, 0]
    assert list(vote_table(ASKED.options, [[3, 1, 0]], 1)["option"])[1] == "B  =cat  ✓"
    rows = vote_bars(table).spec["layer"][0]["encoding"]["y"]
    assert rows["sort"] == "ascending"  # by letter: a mark moves no row on the screen
    with pytest.raises(ValueError, match="as many of each"):
        vote_table(ASKED.options, [[1, 2]])
