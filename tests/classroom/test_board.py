"""The board: what the class misses, what its models wrote, and the tables of both."""

import csv
import io

import pytest
from sqlalchemy import select

from minigpt.classroom import ending, gallery, overview, tries
from minigpt.classroom.tables import first_tries
from minigpt.classroom.tries import Try
from minigpt.errors import RoomError
from viz.classroom.misses import miss_bars, miss_table

GENERATION = "pages/generation/generation.py"
CLASS = "pages/classroom/classroom.py"


def tried(kind: str, right: bool, question: str = "How many?") -> Try:
    return Try(kind, question, "=7", "8", right)


def rows(written: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written)))


def test_the_first_try_counts_and_the_worst_comes_first(school):
    room = school.room
    ann, bob = school.id_of(school.ann), school.id_of(school.bob)
    tries.note(room, ann, tried("attention.mask", False, "Ann's item?"))
    tries.note(room, ann, tried("attention.mask", True))  # another one like it
    tries.note(room, bob, tried("attention.mask", True, "Bob's item?"))
    tries.note(room, bob, tried("block.norm", False))
    found = [(each.kind, each.tried, each.missed) for each in tries.missed_most(room)]
    assert found == [("block.norm", 1, 1), ("attention.mask", 2, 1)]
    assert tries.missed_most(room)[1].example == "Ann's item?"  # it was missed
    assert [
        (row["name"], row["kind"], row["said"], row["right"])
        for row in rows(tries.to_csv(room))
    ] == [
        ("Ann", "attention.mask", "'=7", "0"),
        ("Bob", "attention.mask", "'=7", "1"),
        ("Bob", "block.norm", "'=7", "0"),
    ]
    ending.remove(room, bob)
    assert [each.kind for each in tries.missed_most(room)] == ["attention.mask"]
    ending.wipe(room)
    assert tries.missed_most(room) == []


def test_a_text_is_shown_once_taken_back_and_gone_with_the_class(school):
    room = school.room
    ann, bob = school.id_of(school.ann), school.id_of(school.bob)
    gallery.show(room, ann, "hers", "Once", " upon a time")
    with pytest.raises(RoomError, match="already"):
        gallery.show(room, ann, "hers", "Once", " upon a time")
    number = gallery.find(room, ann, "Once", " upon a time")
    assert gallery.find(room, bob, "Once", " upon a time") is None
    gallery.take_back(room, number, bob)  # not his
    assert [text.name for text in gallery.shown(room)] == ["Ann"]
    gallery.take_back(room, number, ann)
    assert gallery.shown(room) == []
    for each in range(gallery.MOST):
        gallery.show(room, ann, "hers", "Once", f" {each}")
    with pytest.raises(RoomError, match="take one back"):
        gallery.show(room, ann, "hers", "Once", " more")
    assert gallery.find(room, ann, "Once", " more") is None
    ending.wipe(room)
    assert rows(gallery.to_csv(room)) == []


def test_the_table_of_runs_has_each_learner_s(school):
    (row,) = rows(overview.to_csv(school.room))
    assert (row["name"], row["run"]) == ("Ann", "hers")


def test_the_bars_say_how_many_of_how_many():
    table = miss_table(["a", "b"], [4, 3], [3, 1])
    assert list(table["text"]) == ["3 of 4", "1 of 3"]
    assert list(table["missed"]) == [75.0, pytest.approx(100 / 3)]
    assert miss_bars(table).spec["layer"][0]["encoding"]["y"]["sort"] == ["a", "b"]
    with pytest.raises(ValueError, match="tried by somebody"):
        miss_table(["a"], [0], [0])


def test_a_check_is_counted_and_a_text_shown_and_removed(school, open_as):
    room = school.room
    learner = open_as(school.bob, GENERATION, cover="false", max_new_tokens="3")
    check = next(each for each in learner.radio if "_answer_generation" in each.key)
    learner.button(key="generate").click().run()
    while "_show_text" not in {each.key for each in learner.button}:
        learner.run()
    check = [each for each in learner.radio if "_answer_generation" in each.key][-1]
    check.set_value(0).run()
    (kind,) = tries.missed_most(room)
    assert (kind.tried, kind.kind.partition(".")[0]) == (1, "generation")
    learner.button(key="_show_text").click().run()
    (text,) = gallery.shown(room)
    assert (text.name, bool(text.text)) == ("Bob", True)
    keys = {each.key for each in learner.button}
    assert "_take_back_text" in keys
    assert "_show_text" not in keys

    teacher = open_as(school.teacher, CLASS)
    assert "Gallery · 1" in [each.value for each in teacher.subheader]
    teacher.button(key=f"remove_text_{text.id}").click().run()
    assert gallery.shown(room) == []
    assert "_show_text" in {each.key for each in learner.run().button}


def test_what_is_kept_of_a_try_is_as_long_as_its_column(school):
    room, ann = school.room, school.id_of(school.ann)
    long = Try("home.long", "q" * 3000, "s" * 3000, "a" * 3000, False)
    tries.note(room, ann, long)
    with room.reading() as session:
        row = session.execute(select(first_tries)).one()
    for name in ("question", "said", "answer"):
        assert len(row._mapping[name]) == first_tries.c[name].type.length
