"""Trainings wait for a place: in a fair order, through kills, begun once each."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import pytest
from patience import until

from minigpt.cli import train as cli_train
from minigpt.config import RunConfig
from minigpt.errors import ConfigError, RunError
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, withdraw, write_status
from minigpt.runs.store import RunStore
from minigpt.runs.ticket import Ticket, has_ticket, read_ticket, write_ticket
from minigpt.runs.time_spent import note_begin, note_end, seconds_spent, spells
from minigpt.worker import launch, processes, queue
from minigpt.worker.forecast import forecast, place_of
from minigpt.worker.queue import Waiting, read_queue, stores
from minigpt.worker.worker import train_run

DEADLINE = 60
SIZES = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}


def tiny(text_file, steps=2):
    train = {"max_steps": steps, "batch_size": 2, "eval_interval": steps}
    return RunConfig(
        data={"source": str(text_file)},
        transformer=SIZES,
        train=train | {"num_threads": 1},
    )


@pytest.fixture
def learners(tmp_path, monkeypatch):
    """Return the stores of three learners of one server, which has one place."""
    monkeypatch.setenv(queue.PLACES, "1")
    found = [
        RunStore(tmp_path / "room" / "learners" / name / "runs")
        for name in ("ann", "bob", "cem")
    ]
    for store in found:
        store.root.mkdir(parents=True)
    return found


SERVER = (
    "import sys, pathlib\n"
    "from minigpt.runs.store import RunStore\n"
    "from minigpt.worker import launch\n"
    "print('ready', flush=True)\n"
    "sys.stdin.readline()\n"
    "launch.look(RunStore(pathlib.Path(sys.argv[1])))\n"
    "print('looked', flush=True)\n"
    "sys.stdin.read()\n"
)


def python(code, path):
    """Start another process, with a path as its argument."""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def begun(learners):
    found = [spell for store in learners for spell in spells(store)]
    return [spell.run for spell in sorted(found, key=lambda spell: spell.begun)]


@pytest.mark.slow
def test_learners_take_turns_through_a_kill_and_a_restart_and_each_begins_once(
    learners, text_file
):
    ann, bob, cem = learners
    first = launch.start(ann, tiny(text_file, 19_999), "a1")
    waiting = [
        launch.start(store, tiny(text_file), name)
        for store, name in ((ann, "a2"), (ann, "a3"), (bob, "b1"), (cem, "c1"))
    ]
    assert [run.status().state for run in waiting] == ["queued"] * 4
    places = [place_of(run).ahead for run in waiting]
    assert places == [3, 4, 1, 2]

    os.kill(processes._processes[first.path.resolve()].pid, signal.SIGKILL)
    until(lambda: first.status().state == "interrupted")
    # The server is started anew, twice.
    again = [python(SERVER, bob.root), python(SERVER, bob.root)]
    for each in again:
        assert each.stdout.readline() == b"ready\n"
    for each in again:
        each.stdin.write(b"look\n")
        each.stdin.flush()
    for each in again:
        assert each.stdout.readline() == b"looked\n"
    assert begun(learners) == ["a1", "b1"]
    until(lambda: all(run.status().state == "finished" for run in waiting))
    for each in again:
        each.stdin.close()
        assert each.wait(DEADLINE) == 0
    assert begun(learners) == ["a1", "b1", "c1", "a2", "a3"]
    ends = sorted((s.begun, s.ended) for store in learners for s in spells(store))
    for (_, ended), (following, _) in pairwise(ends[1:]):
        assert ended <= following  # one place: never two at once
    assert not any(has_ticket(run.path) for run in waiting)


@pytest.mark.parametrize(
    ("waiting", "running", "served", "order"),
    [
        ("a1 a2 a3 b1 c1", "a", {"a": 9}, "b1 c1 a1 a2 a3"),
        ("a1 a2 b1 b2", "", {"a": 9, "b": 5}, "b1 a1 b2 a2"),
        ("a1 b1", "bb", {"a": 9, "b": 5}, "a1 b1"),
        ("a1 b1 c1", "", {}, "a1 b1 c1"),
    ],
)
def test_next_is_who_has_the_fewest_at_work_then_who_waits_longest(
    learners, waiting, running, served, order
):
    owners = {store.root.parent.name[0]: store for store in learners}
    tickets = [
        Waiting(owners[name[0]].create(RunConfig(), name), Ticket(float(since)))
        for since, name in enumerate(waiting.split())
    ]
    found = queue.in_turn(
        tickets,
        Counter(owners[letter].root for letter in running),
        {
            owners[each.run.id[0]].root: served.get(each.run.id[0], 0)
            for each in tickets
        },
    )
    assert " ".join(group[0].run.id for group in found) == order


def at_work(store, name, **status):
    run = store.create(RunConfig(), name)
    lock = RunLock.acquire(run.path)
    write_status(run.path, RunStatus(state="running", pid=1, **status))
    return lock


def waits(store, name, since, **ticket):
    run = store.create(RunConfig(), name)
    write_ticket(run.path, Ticket(since, **ticket))
    return run


def test_a_race_begins_with_both_and_is_not_overtaken(store, monkeypatch):
    monkeypatch.setenv(queue.PLACES, "2")
    lock = at_work(store, "first", eta_seconds=60)
    race = [waits(store, name, 1, together="race", seconds=30) for name in "xy"]
    alone = waits(store, "z", 2)
    assert read_queue(store).next() == []
    places = forecast(read_queue(store), usual=None)
    assert [places[run.path.resolve()].ahead for run in (*race, alone)] == [1, 1, 2]
    assert places[race[0].path.resolve()].seconds == pytest.approx(60, abs=2)
    assert places[alone.path.resolve()].seconds == pytest.approx(90, abs=2)
    lock.release()
    assert [each.run.id for each in read_queue(store).next()] == ["x", "y"]
    monkeypatch.setenv(queue.PLACES, "1")  # one after the other, if it must be
    assert [each.run.id for each in read_queue(store).next()] == ["x"]


def test_who_has_as_many_at_work_as_each_may_is_passed_over(learners, monkeypatch):
    monkeypatch.setenv(queue.PLACES, "3")
    ann, bob, _ = learners
    locks = [at_work(ann, "a1"), at_work(ann, "a2")]
    own = waits(ann, "a3", 1, runs=2)
    waits(ann, "a4", 1.5, runs=3)  # its own are not overtaken either
    other = waits(bob, "b1", 2, runs=2)
    found = read_queue(ann)
    assert [each.run.id for each in found.next()] == ["b1"]
    places = forecast(found, usual=None)
    assert places[own.path.resolve()].ahead == 1
    assert places[own.path.resolve()].seconds is None  # nothing says how long
    assert places[other.path.resolve()].ahead == 0
    for lock in locks:
        lock.release()


@pytest.mark.parametrize(
    "stop", [lambda run: run.request_stop(), lambda r: withdraw(r.path)]
)
def test_a_run_that_waits_is_withdrawn_and_may_wait_again(store, monkeypatch, stop):
    monkeypatch.setenv(queue.PLACES, "1")
    lock = at_work(store, "busy")
    run = launch.start(store, RunConfig(), "mine", seconds=5)
    assert (run.status().state, read_ticket(run.path).seconds) == ("queued", 5)
    with pytest.raises(RunError, match="waits for its turn"):
        launch.resume(run)
    stop(run)
    assert run.status().state == "stopped"
    assert run.status().can_resume
    assert place_of(run) is None
    launch.resume(run, 20)
    assert read_ticket(run.path)[1:3] == (True, 20)
    run.request_stop()
    lock.release()
    launch.advance(store)
    assert run.status().state == "stopped"
    assert spells(store) == []


def test_a_damaged_ticket_is_a_place_and_a_wrong_number_of_places_is_said(
    store, monkeypatch
):
    run = store.create(RunConfig(), "mine")
    (run.path / "ticket.json").write_text(json.dumps([1]))
    assert read_queue(store).next()[0].ticket == Ticket()
    monkeypatch.setenv(queue.PLACES, "none")
    with pytest.raises(ConfigError, match="1 or more"):
        read_queue(store)


def test_all_learners_and_the_teacher_share_one_queue(learners, tmp_path):
    roots = [store.root for store in learners]
    assert [each.root for each in stores(learners[1])] == [tmp_path / "runs", *roots]
    assert [each.root for each in stores(RunStore(tmp_path / "runs"))] == [
        tmp_path / "runs",
        *roots,
    ]


def test_a_file_between_the_learners_is_nobody_s(learners, tmp_path):
    before = stores(learners[0])
    (tmp_path / "room" / "learners" / ".DS_Store").touch()  # of macOS's Finder
    assert [each.root for each in stores(learners[0])] == [e.root for e in before]
    run = learners[0].create(RunConfig(), "mine")
    write_ticket(run.path, Ticket())
    assert place_of(run) is not None


def test_a_training_stops_when_its_learner_s_minutes_are_used_up(
    store, text_file, monkeypatch
):
    monkeypatch.setenv("MINIGPT_MINUTES", "1")
    run = store.create(tiny(text_file, 19_999), "long")
    spent = '{"run": "gone", "begun": 1}\n{"run": "gone", "ended": 61}\n'
    (store.root / "trainings.jsonl").write_text(spent)
    train_run(run)
    status = run.status()
    assert status.state == "stopped"
    assert "used your 1 minute of training" in status.note
    assert run.latest is not None


def test_the_time_of_a_killed_process_is_that_until_its_last_sign_of_life(
    store, monkeypatch
):
    run = store.create(RunConfig(), "killed")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    note_begin(run)
    monkeypatch.setattr(time, "time", lambda: now + 40)
    write_status(run.path, RunStatus(state="running", pid=1))
    monkeypatch.setattr(time, "time", lambda: now + 4_000)
    assert seconds_spent(store) == pytest.approx(40, abs=0.01)
    note_begin(run)
    write_status(run.path, RunStatus(state="running", pid=1))
    note_end(run)
    note_end(run)  # once
    assert [spell.ended is None for spell in spells(store)] == [False, False]
    assert seconds_spent(store) == pytest.approx(40, abs=0.01)


def test_the_next_size_of_a_series_lets_others_in_between(store):
    first, second = (store.create(RunConfig(), name) for name in ("s1", "s2"))
    for place, run in enumerate((first, second)):
        ticket = {"series": "s", "place": place}
        (run.path / "series.json").write_text(json.dumps(ticket))
    write_status(first.path, RunStatus(state="finished"))
    other = waits(store, "other", 1)
    assert cli_train._train_the_others(first, follow_stdin=True, command="") == 0
    order = [group[0].run.id for group in read_queue(store).waiting]
    assert order == [other.id, "s2"]


HOLDER = (
    "import sys, pathlib\n"
    "from minigpt.runs.lock import RunLock\n"
    "lock = RunLock.acquire(pathlib.Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_process_that_does_not_stop_is_killed_if_the_id_is_its_own(
    store, state, monkeypatch
):
    monkeypatch.setattr(processes, "_AFTER_A_KILL", 0.1)
    run = store.create(RunConfig(), "stubborn")
    holder = python(HOLDER, run.path)
    assert holder.stdout.readline() == b"held\n"
    write_status(run.path, RunStatus(state=state, pid=holder.pid))
    processes.end(run, 0.05)
    if state == "queued":  # the id is still that of whoever starts it
        assert holder.poll() is None
        holder.kill()
    assert holder.wait(DEADLINE) == -signal.SIGKILL
    assert run.status().state == "interrupted"
