"""Forbidden things tried by a learner inside: all refused, and all work untouched."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from minigpt import places
from minigpt.checkpoint import load_checkpoint
from minigpt.classroom import ending, gifts, quotas
from minigpt.classroom.overview import works
from minigpt.classroom.room import Room
from minigpt.config import FinetuneConfig, RunConfig
from minigpt.datasets.corpus import read_text
from minigpt.errors import MinigptError
from minigpt.library import catalogue, incoming, kept_texts, names, trash
from minigpt.library.catalogue import available_models, find_model
from minigpt.library.finetuned import base_path
from minigpt.regular_files import read_regular
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.store import RunStore
from minigpt.runs.ticket import read_ticket
from minigpt.runs.time_spent import note_begin
from minigpt.worker import launch
from minigpt.worker.forecast import place_of
from minigpt.worker.queue import read_queue


def hers(school) -> Path:
    return school.run.path


def linked(school) -> Path:
    """Plant a link to Ann's run among Bob's runs, as an upload might."""
    runs = places.data_directory() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    (runs / "mine").unlink(missing_ok=True)
    (runs / "mine").symlink_to(hers(school))
    return runs / "mine"


def model(school) -> Path:
    return hers(school) / "checkpoints/best_model"


def link(school) -> Path:
    return linked(school) / "checkpoints/best_model"


def store() -> RunStore:
    return RunStore(places.data_directory() / "runs")


def data() -> Path:
    return places.data_directory()


def up(school) -> str:
    """Return the way from Bob's runs to Ann's."""
    return f"../../{hers(school).parents[1].name}/runs/hers"


FORBIDDEN = {
    "open a run by its name": lambda school: store().open("hers"),
    "open a run by its path": lambda school: store().open(str(hers(school))),
    "open a run by a way around": lambda school: store().open(up(school)),
    "open a run by a planted link": lambda school: store().open(linked(school).name),
    "delete a run": lambda school: trash.delete(data(), "run", "hers"),
    "delete a run for good": lambda school: store().delete("hers"),
    "rename a run": lambda school: names.rename(data(), "run", "hers", "mine"),
    "delete a model that ships": lambda school: trash.delete(data(), "model", "glass"),
    "rename a model that ships": lambda s: names.rename(data(), "model", "glass", "x"),
    "delete a shared model": lambda school: trash.delete(data(), "model", "gift"),
    "rename a shared model": lambda s: names.rename(data(), "model", "gift", "mine"),
    "find a model by its name": lambda school: find_model(data(), "hers"),
    "load a checkpoint by its path": lambda s: load_checkpoint(model(s)),
    "load a checkpoint by a link": lambda s: load_checkpoint(link(s)),
    "compare with a base of another's": lambda school: base_path(
        FinetuneConfig(method="sft", base=str(model(school))), data()
    ),
    "read a text of another's": lambda s: read_text(str(hers(s) / "config.json")),
    "read a file of the system": lambda school: read_text("/etc/passwd"),
    "read a file by a way around": lambda s: read_text(f"{data()}/../../room.sqlite"),
    "read the class's database": lambda s: read_regular(s.room.folder / "room.sqlite"),
    "read a file that is not there": lambda school: read_text("/etc/not-there"),
    "bring a directory": lambda s: incoming.bring(data(), "x", str(hers(s)), print),
    "fetch a model": lambda school: incoming.bring(data(), "x", "gpt2", print),
    "keep a text that is too large": lambda s: kept_texts.keep_text(b"a" * 6**9, "x"),
    "train once more": lambda school: trained_twice(school),
}


def trained_twice(school) -> None:
    """Let one more training wait than each may have waiting."""
    first = store().create(RunConfig(), "first")
    lock = RunLock.acquire(first.path)
    write_status(first.path, RunStatus(state="running", pid=1))
    waiting = [launch.start(store(), RunConfig(), name) for name in ("a", "b")]
    try:
        launch.start(store(), RunConfig(), "c")
    finally:
        for run in waiting:
            run.request_stop()
            store().delete(run.id)
        lock.release()
        assert [run.id for run in store().list()] == ["first"]


@pytest.fixture
def as_bob(school, made):
    """Be Bob, in a class that shares a model of the teacher's."""
    shared = school.room.space_of(None).shared / "gift"
    shutil.copytree(made / "models/mlp", shared)
    school.works_as(school.bob)
    return school


def is_refused(attempt: Callable, school) -> bool:
    """Whether an attempt ends in an error that is meant for its reader."""
    try:
        attempt(school)
    except (MinigptError, PermissionError):
        return True
    return False


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a directory."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


def test_what_a_learner_may_not_do_is_refused(as_bob, made, monkeypatch):
    monkeypatch.setattr(places, "shipped_models", lambda: made / "models")
    monkeypatch.setattr(catalogue, "shipped_models", lambda: made / "models")
    others = (hers(as_bob), as_bob.room.space_of(None).shared, made / "models")
    before = [contents(folder) for folder in others]
    done = [each for each in FORBIDDEN if not is_refused(FORBIDDEN[each], as_bob)]
    assert done == []
    assert [contents(folder) for folder in others] == before


def test_their_owner_may_do_what_others_may_not(as_bob):
    as_bob.works_as(as_bob.ann)
    for which in ("open a run by its name", "find a model by its name"):
        FORBIDDEN[which](as_bob)
    for which in ("load a checkpoint by its path", "compare with a base of another's"):
        FORBIDDEN[which](as_bob)
    assert "max_steps" in FORBIDDEN["read a text of another's"](as_bob)
    FORBIDDEN["rename a run"](as_bob)
    trash.delete(data(), "run", "mine")


def test_a_refusal_does_not_tell_whether_a_file_exists(as_bob):
    said = set()
    for path in ("/etc/passwd", "/etc/not-there", str(hers(as_bob) / "config.json")):
        with pytest.raises(MinigptError) as refused:
            read_text(path)
        said.add(str(refused.value).replace(path, "PATH"))
    assert len(said) == 1, said


def test_a_learner_sees_shared_models_and_their_own(as_bob, made):
    def seen(cookie: str) -> dict[str, str]:
        as_bob.works_as(cookie)
        found = available_models(places.data_directory())
        return {entry.id: entry.kind for entry in found}

    assert seen(as_bob.bob) == {"gift": "shared"}
    assert seen(as_bob.ann) == {"gift": "shared", "hers": "run"}
    assert seen(as_bob.teacher) == {"gift": "shared"}
    load_checkpoint(find_model(places.data_directory(), "gift").path)


def test_a_shared_model_is_a_copy_that_opens_and_can_be_taken_back(school):
    ann = school.id_of(school.ann)
    name = gifts.share(school.room, ann, "hers", by="Ann")
    again = gifts.share(school.room, ann, "hers", by="Ann")
    assert (name, again) == ("hers", "hers-ann")
    school.works_as(school.bob)
    entry = find_model(places.data_directory(), name)
    assert entry.description.startswith("By Ann, after step 100.")
    load_checkpoint(entry.path)
    school.works_as(school.ann)  # hers is hers still, under the name of both
    assert find_model(places.data_directory(), "hers").kind == "run"
    shutil.rmtree(school.run.path)
    load_checkpoint(find_model(places.data_directory(), "hers").path)
    with pytest.raises(MinigptError, match="already"):
        gifts.share(school.room, school.id_of(school.bob), "hers", by="Bob")
    gifts.take_back(school.room, "hers")
    with pytest.raises(MinigptError, match="shares no model"):
        gifts.take_back(school.room, "../learners")
    assert gifts.shared(school.room) == ["hers-ann"]


def test_a_learner_keeps_as_much_as_the_class_allows(as_bob):
    text = "the cat sat. " * 100_000
    for letter in "abc":
        kept_texts.keep_text((letter + text).encode(), "text")
    with pytest.raises(MinigptError, match="each may keep 5 MB"):
        kept_texts.keep_text(("d" + text).encode(), "text")
    kept_texts.keep_text(("a" + text).encode(), "text")  # it is there already
    assert quotas.bytes_of(data()) == 3 * (len(text) + 1)
    as_bob.works_as(as_bob.teacher)  # nothing limits the teacher
    kept_texts.keep_text(("d" + text * 4).encode(), "text")


def test_an_upload_that_is_too_much_leaves_nothing_behind(as_bob, made):
    model = made / "models/glass/checkpoints/checkpoint_step_100"

    def upload() -> None:
        files = [(path.name, io.BytesIO(path.read_bytes())) for path in model.iterdir()]
        incoming.take_upload(data(), "mine", files)

    kept_texts.keep_text(b"word " * 999_900, "large")
    before = contents(data())
    with pytest.raises(MinigptError, match="each may keep"):
        upload()
    assert contents(data()) == before
    as_bob.works_as(as_bob.teacher)
    upload()


@pytest.fixture
def busy(school, monkeypatch):
    """Let the only place be taken by the teacher's training."""
    monkeypatch.setenv("MINIGPT_TRAININGS", "1")
    school.works_as(school.teacher)
    run = store().create(RunConfig(), "busy")
    lock = RunLock.acquire(run.path)
    write_status(run.path, RunStatus(state="running", pid=1))
    yield run
    lock.release()


def test_a_learner_s_trainings_wait_and_not_too_many(school, busy):
    school.works_as(school.ann)
    first = launch.start(store(), RunConfig(), "first")
    assert first.status().state == "queued"
    assert place_of(first).ahead == 1
    assert read_ticket(first.path).minutes == 3
    launch.start(store(), RunConfig(), "second")
    with pytest.raises(MinigptError, match="You have 2 runs waiting"):
        launch.start(store(), RunConfig(), "third")
    assert {run.id for run in store().list()} == {"hers", "first", "second"}
    school.works_as(school.bob)
    launch.start(store(), RunConfig(), "his")
    order = [group[0].run.id for group in read_queue(store()).waiting]
    assert order == ["first", "his", "second"]
    with pytest.raises(MinigptError, match="waits for its turn"):
        names.rename(data(), "run", "his", "other")
    ending.remove(school.room, school.id_of(school.ann))
    assert [group[0].run.id for group in read_queue(store()).waiting] == ["his"]


def test_minutes_that_are_used_up_are_said_even_if_the_run_was_deleted(school, busy):
    school.works_as(school.ann)
    run = launch.start(store(), RunConfig(), "first")
    note_begin(run)
    spent = store().root / "trainings.jsonl"
    begun = json.loads(spent.read_text())["begun"]
    spent.write_text(
        f'{{"run": "gone", "begun": {begun - 500}}}\n'
        f'{{"run": "gone", "ended": {begun - 330}}}\n'
    )
    quotas.require_may_train()  # 170 of 180 seconds
    with spent.open("a") as file:
        file.write(f'{{"run": "gone", "begun": {begun - 300}}}\n')
        file.write(f'{{"run": "gone", "ended": {begun - 289}}}\n')
    with pytest.raises(MinigptError, match="used your 3 minutes of training") as said:
        launch.start(store(), RunConfig(), "second")
    assert "ask your teacher" in str(said.value)
    assert [run.id for run in store().list()] == ["first", "hers"]
    write_status(busy.path, RunStatus(state="finished"))  # a place is free
    launch.advance(store())
    status = run.status()
    assert (status.state, status.pid) == ("failed", None)
    assert "used your 3 minutes" in status.error
    school.works_as(school.bob)
    quotas.require_may_train()
    school.works_as(school.teacher)
    quotas.require_may_train()


def test_the_end_of_a_class_deletes_all_of_it_and_nothing_else(school):
    own = school.room.folder.parent / "texts/own.txt"
    own.parent.mkdir()
    own.write_text("mine")
    gifts.share(school.room, school.id_of(school.ann), "hers", by="Ann")
    assert [work.run.id for work in works(school.room) if work.run] == ["hers"]
    ending.remove(school.room, school.id_of(school.bob))
    assert [work.member.name for work in works(school.room)] == ["Ann"]
    ending.wipe(school.room)
    assert works(school.room) == []
    left = {path.name for path in school.room.folder.rglob("*") if path.is_file()}
    # How often somebody was removed stays, for the other processes; not who.
    assert {name.partition("-")[0] for name in left} == {"room.sqlite", "removals"}
    assert set((school.room.folder / "removals").read_text()) == {"x"}
    assert own.read_text() == "mine"
    assert school.room.seat(school.teacher).is_teacher


def test_whoever_joined_is_in_again_after_a_restart(school):
    again = Room(school.room.folder)
    assert again.seat(school.ann) == school.room.seat(school.ann)
    assert again.seat(school.teacher).is_teacher
    assert again.join_secret != school.room.join_secret
    with pytest.raises(MinigptError):
        again.join(school.room.join_secret, "Eve")
