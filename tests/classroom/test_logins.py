"""Accounts: who may teach, who is the same learner again, what each is called."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from streamlit_server import ROOT

from minigpt.classroom import ending
from minigpt.classroom.logins import let_in, person_of
from minigpt.classroom.room import Room
from minigpt.classroom.tables import members
from minigpt.errors import RoomError

TEACHERS = frozenset(["ada@school.example"])
ADA = {"iss": "https://a", "sub": "1", "name": "Ada", "email": "Ada@School.example"}
ADA["email_verified"] = True
ZOE = {"iss": "https://a", "sub": "2", "name": "Zoë"}


def enter(school, claims: dict) -> str:
    return let_in(school.room, person_of(claims), TEACHERS)


def test_only_a_verified_address_of_the_list_teaches(school):
    school.room.limits = replace(school.room.limits, learners=99)
    assert school.room.seat(enter(school, ADA)).is_teacher
    for sub, changes in enumerate(
        [
            {"email_verified": False},
            {"email_verified": None},
            {"email_verified": "false"},
            {"email": "ada@school.example.evil"},
            {"email": ["ada@school.example"]},
            {"email": None, "preferred_username": "ada@school.example"},
        ]
    ):
        seat = school.room.seat(enter(school, ADA | {"sub": f"9{sub}"} | changes))
        assert not seat.is_teacher


def test_the_same_account_is_the_same_learner_even_when_the_door_is_closed(school):
    first = enter(school, ZOE)
    school.room.set("closed", True)
    second = enter(school, ZOE | {"name": "Another name"})
    assert first != second
    assert school.id_of(first) == school.id_of(second)
    with pytest.raises(RoomError, match="lets nobody in"):
        enter(school, ZOE | {"sub": "3"})
    ending.remove(school.room, school.id_of(first))
    assert school.room.seat(second) is None
    with pytest.raises(RoomError, match="lets nobody in"):
        enter(school, ZOE)


@pytest.mark.parametrize(
    "who", [ZOE, ZOE | {"sub": "3"}], ids=["the same in two tabs", "of the same name"]
)
def test_two_who_come_at_the_same_moment_are_both_let_in(school, monkeypatch, who):
    admit = Room.admit

    def later(room, *of):
        monkeypatch.setattr(Room, "admit", admit)
        first.append(enter(school, ZOE))  # whoever asked before is quicker
        return admit(room, *of)

    first = []
    monkeypatch.setattr(Room, "admit", later)
    second = school.room.seat(enter(school, who))
    assert school.room.seat(first[0]).name == "Zoë"
    assert second.name == ("Zoë" if who is ZOE else "Zoë 2")


def test_accounts_of_two_issuers_are_two_learners_and_a_full_class_stays_full(school):
    issuers = ("https://a", "https://b")
    own = {school.id_of(enter(school, ZOE | {"iss": issuer})) for issuer in issuers}
    assert len(own) == 2
    with pytest.raises(RoomError, match="full"):
        enter(school, ZOE | {"sub": "3"})
    with school.room.reading() as session:
        assert session.scalar(select(func.count()).select_from(members)) == 4


def test_whoever_cannot_be_told_from_others_is_nobody():
    assert person_of({}) is None
    assert person_of(ZOE | {"sub": ""}) is None
    assert person_of(ZOE | {"iss": 1}) is None


def test_names_are_made_to_fit_and_told_apart(school):
    named = [
        school.room.seat(enter(school, {"iss": "a", "sub": str(place)} | claims)).name
        for place, claims in enumerate([{"name": "=Bob"}, {"name": "BOB"}])
    ]
    assert named == ["Bob 2", "BOB 3"]
    for claims, name in [
        ({"name": "Müller, Zoë (8b)"}, "Müller Zoë 8b"),
        ({"name": "<b>", "email": "z@a"}, "b"),
        ({"name": "🦔", "email": "zoe.m@a"}, "zoe.m"),
        ({"name": 5, "preferred_username": "x" * 99}, "x" * 32),
        ({}, "Learner"),
    ]:
        assert person_of({"iss": "a", "sub": "1"} | claims).name == name


def test_without_a_provider_the_app_says_what_is_missing(tmp_path):
    command = ["serve.py", "--no-browser", "--share", "--teachers=a@b", "--port=18801"]
    own = {"HOME": str(tmp_path), "MINIGPT_DATA": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("minigpt: ")
    assert "Authlib" in ended.stderr or "secrets.toml" in ended.stderr
    assert ended.stderr.count("\n") == 1
