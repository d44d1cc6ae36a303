"""A study: arms drawn, forms composed, answers kept, and a table without names."""

import csv
import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from minigpt.classroom import ending, tables
from minigpt.classroom.room import Room
from minigpt.classroom.study import participants, responses, studies
from minigpt.classroom.study.design import (
    ARMS,
    FORMS,
    LENGTH,
    TESTS,
    arm_by_lot,
    form_of,
)
from minigpt.classroom.study.forms import Item, compose
from minigpt.classroom.study.studies import BY_LOT
from minigpt.errors import DataError, RoomError
from minigpt.spaces import Limits
from viz.classroom.arms import arm_lines, arm_table


def items(kind: str, count: int, answers: int = 50, options: int = 4) -> list[Item]:
    """Return items whose right option always stands second, as in many lessons."""
    return [
        Item(
            kind,
            f"What is *{number}*?",
            f"What is {number}?",
            tuple(
                f"{number % answers if at == 1 else number % answers + 100 * (at + 1)}"
                for at in range(options)
            ),
            1,
        )
        for number in range(count)
    ]


FORMS_MADE = compose([items("a", 40), items("b", 40)], seed=1)


@pytest.fixture
def study(school):
    """Start a study whose second test is far away."""
    studies.start(school.room, "attention", "glass", 4e9, FORMS_MADE)
    return studies.current(school.room)


def part(school, study, cookie):
    return participants.participant(school.room, study, school.id_of(cookie))


def take(room: Room, study, who, test: str, right: int) -> None:
    """Answer a whole test, so many of its items right."""
    for place in range(LENGTH):
        asked = responses.next_item(room, study, who, test)
        wrong = None if place % 2 else (asked.item.answer + 1) % 4
        choice = asked.item.answer if place < right else wrong
        responses.respond(room, who, test, asked.place, choice, 1.26)


def test_every_block_of_four_has_two_of_each_arm():
    for seed in "abc":
        arms = [arm_by_lot(seed, number) for number in range(40)]
        for block in range(0, 40, 4):
            assert Counter(arms[block : block + 4]) == {"locked": 2, "free": 2}
    drawn = {tuple(arm_by_lot(f"{n}", at) for at in range(4)) for n in range(60)}
    assert len(drawn) == 6  # every order of two and two, so that none can be foreseen


def test_every_participant_takes_every_form_once():
    orders = {tuple(form_of(first, test) for test in TESTS) for first in range(FORMS)}
    assert orders == {(0, 1, 2), (1, 2, 0), (2, 0, 1)}


def test_forms_are_parallel_and_no_item_comes_twice():
    forms = FORMS_MADE
    kinds = [[item.kind for item in form] for form in forms]
    assert kinds[0] == kinds[1] == kinds[2] == ["a", "b"] * (LENGTH // 2)
    texts = [(item.kind, item.text) for form in forms for item in form]
    assert len(set(texts)) == FORMS * LENGTH
    seen = {item.plain for form in forms for item in form}
    assert not seen & {f"What is {number}?" for number in range(3)}  # the lesson's own
    assert compose([items("a", 40), items("b", 40)], seed=1) == forms
    assert compose([items("a", 40), items("b", 40)], seed=2) != forms


def test_right_options_stand_everywhere_and_right_answers_vary():
    for form in FORMS_MADE:
        assert Counter(item.answer for item in form) == {0: 3, 1: 3, 2: 3, 3: 3}
        assert all(int(item.right) < 100 for item in form)  # moved, and still right
        assert len({item.right for item in form}) > LENGTH // 2
    few = compose([items("few", 60, answers=3)], seed=0)
    for form in few:
        assert set(Counter(item.right for item in form).values()) == {4}


def test_scarce_kinds_are_filled_up_and_useless_ones_left_out():
    scarce = compose([items("scarce", 9), items("many", 60)], seed=0)
    assert Counter(item.kind for item in scarce[0]) == {"scarce": 3, "many": 9}
    doubled = [items("a", 1)[0]] * 50
    always_one = items("b", 50, answers=1)
    with pytest.raises(DataError, match="another lesson"):
        compose([doubled, always_one, items("c", 20)], seed=0)


def test_a_link_leads_to_its_arm_and_whoever_is_in_stays_there(school, study):
    room, ann = school.room, school.id_of(school.ann)
    for arm in ARMS:
        assert studies.found_by(room, study.links[arm]) == (study, arm)
    assert studies.found_by(room, study.links[BY_LOT]) == (study, None)
    with pytest.raises(RoomError, match="no study"):
        studies.found_by(room, room.join_secret)
    first = participants.enrol(room, study, ann, "free")
    assert participants.enrol(room, study, ann, "locked") == first
    assert first.arm == "free"
    with pytest.raises(RoomError, match="already"):
        studies.start(room, "block", "glass", 4e9, FORMS_MADE)


def test_those_who_come_by_lot_at_once_are_balanced(tmp_path):
    room = Room(tmp_path / "room", Limits(learners=60))
    studies.start(room, "attention", "glass", 4e9, FORMS_MADE)
    study = studies.current(room)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: participants.come_in(room, study, None), range(12)))
    found = [participants.participant(room, study, each.id) for each in room.members()]
    assert Counter(who.arm for who in found) == {"locked": 6, "free": 6}
    assert sorted(who.number for who in found) == list(range(12))
    assert len({who.code for who in found}) == 12


def test_a_learner_goes_from_test_to_lesson_to_test_to_test(school, study):
    room = school.room
    who = participants.enrol(room, study, school.id_of(school.ann), "locked")

    def stage() -> str:
        return participants.stage_of(room, study, part(school, study, school.ann))

    assert stage() == "before"
    take(room, study, who, "before", 3)
    assert responses.next_item(room, study, who, "before") is None
    assert stage() == "lesson"
    participants.mark(room, who, "began")
    participants.mark(room, who, "ready")
    assert stage() == "after"
    take(room, study, who, "after", 8)
    assert stage() == "wait"
    with room.changing() as session:  # the day comes
        session.execute(update(tables.studies).values(later=0))
    study = studies.current(room)
    assert stage() == "later"
    take(room, study, who, "later", 7)
    assert stage() == "done"
    (found,) = responses.scores(room, study)
    assert found[1:] == ("locked", 3, 8, 7)
    assert responses.gains([found], "before", "after") == {"locked": [5.0], "free": []}


def test_an_item_is_answered_once_and_in_its_order(school, study):
    room = school.room
    who = participants.enrol(room, study, school.id_of(school.ann), "free")
    responses.respond(room, who, "before", 0, 1, 2.0)
    for place in (0, 2):
        with pytest.raises(RoomError, match="next one"):
            responses.respond(room, who, "before", place, 2, 2.0)
    assert responses.next_item(room, study, who, "before").place == 1


def test_a_code_brings_back_and_a_closed_door_lets_nobody_new_in(school, study):
    room = school.room
    who = participants.enrol(room, study, school.id_of(school.ann), None)
    cookie = participants.come_back(room, study, f" {who.code.lower()} ")
    assert room.seat(cookie).member == who.member
    with pytest.raises(RoomError, match="that code"):
        participants.come_back(room, study, "AAAAAA")
    room.set("closed", True)
    with pytest.raises(RoomError, match="nobody in"):
        participants.come_in(room, study, None)


def test_the_table_is_anonymous_and_all_is_deleted_with_the_room(school, study):
    room, ann = school.room, school.id_of(school.ann)
    who = participants.enrol(room, study, ann, "locked")
    take(room, study, who, "before", 5)
    written = responses.to_csv(room, study)
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [int(row["right"]) for row in rows] == [1] * 5 + [0] * 7
    assert {row["code"] for row in rows} == {who.code}
    assert (rows[0]["seconds"], rows[0]["arm"]) == ("1.3", "locked")
    assert rows[11]["said"] == ""  # "I do not know"
    assert rows[0]["question"].startswith("What is ")
    assert not [word for word in ("Ann", ann, school.ann) if word in written]
    ending.remove(room, ann)
    assert len(responses.to_csv(room, study).splitlines()) == 1
    participants.enrol(room, study, school.id_of(school.bob), "locked")
    ending.wipe(room)
    assert studies.current(room) is None
    with room.reading() as session:
        for table in ("studies", "study_items", "participants", "responses"):
            count = session.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert count == 0, table


def test_a_study_and_its_links_survive_a_restart(school, study):
    room = school.room
    who = participants.enrol(room, study, school.id_of(school.ann), "locked")
    take(room, study, who, "before", 5)
    room.database.engine.dispose()
    again = Room(room.folder)
    found, arm = studies.found_by(again, study.links["locked"])
    assert (found, arm) == (study, "locked")
    assert studies.forms_of(again, found) == FORMS_MADE
    known = participants.participant(again, found, who.member)
    assert known == who
    assert participants.stage_of(again, found, known) == "lesson"


def test_the_lines_hold_the_means_of_each_arm_in_each_test():
    taken = [("locked", "before", 4), ("locked", "before", 5), ("free", "before", 6)]
    table = arm_table([*taken, ("locked", "later", 9)])
    rows = table[["arm", "test", "right", "learners", "text", "above"]].to_numpy()
    assert rows.tolist() == [
        ["locked", "before", 4.5, 2, "4.5", False],
        ["free", "before", 6.0, 1, "6.0", True],
        ["locked", "last test", 9.0, 1, "9.0", True],
    ]
    y = arm_lines(table, LENGTH).spec["layer"][0]["encoding"]["y"]
    assert y["scale"] == {"domain": [0, LENGTH]}
