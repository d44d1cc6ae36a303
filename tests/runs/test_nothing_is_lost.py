"""A full disk, a kill at the wrong moment: no name is lost, nothing is left behind."""

import errno
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from minigpt import atomic_writes
from minigpt.atomic_writes import forget_leftovers, replace_file
from minigpt.config import RunConfig
from minigpt.errors import ConfigError, RunError
from minigpt.runs import status as run_status
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.worker import launch, processes, queue, racing, series
from minigpt.worker.racing import start_race
from minigpt.worker.series import shared_config, start_series

resource = pytest.importorskip("resource", reason="Windows has none")


@contextmanager
def files_of_at_most(num_bytes):
    """Let every larger file fail as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [10, 1500])
def test_a_full_disk_at_the_start_leaves_the_name_free(store, room):
    with files_of_at_most(room), pytest.raises(RunError, match="Make room") as refused:
        store.create(RunConfig(), "mine")
    assert "\n" not in str(refused.value)
    assert not (store.root / "mine").exists()
    assert store.list() == []
    store.create(RunConfig(), "mine")


def test_a_process_that_cannot_start_leaves_the_name_free(store, monkeypatch):
    monkeypatch.setattr(processes.sys, "executable", str(store.root / "no-python"))
    with pytest.raises(RunError, match="Cannot start"):
        launch.start(store, RunConfig(), "mine")
    assert store.list() == []
    store.create(RunConfig(), "mine")


def test_a_wrong_number_of_places_leaves_the_name_free(store, monkeypatch):
    monkeypatch.setenv(queue.PLACES, "none")
    with pytest.raises(ConfigError, match="1 or more"):
        launch.start(store, RunConfig(), "mine")
    assert store.list() == []


def race(store):
    return start_race(store, RunConfig(), RunConfig())


def sizes(store):
    return start_series(store, shared_config(RunConfig().data))


@pytest.mark.parametrize(
    ("start", "last"),
    [
        (race, "race.json"),
        (race, "checkpoints"),
        (sizes, "series.json"),
        (sizes, "checkpoints"),
    ],
)
def test_runs_that_belong_together_are_created_all_or_none(
    store, monkeypatch, start, last
):
    names = []

    def full(path, *rest, **options):
        names.append(path.name)
        if path.name == last and names.count(last) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return do(path, *rest, **options)

    if last == "checkpoints":
        do = Path.mkdir
        monkeypatch.setattr(Path, "mkdir", full)
    else:
        do = replace_file
        for module in (racing, series):
            monkeypatch.setattr(module, "replace_file", full)
    with pytest.raises(RunError, match=r"No space left|No free name"):
        start(store)
    assert store.list() == []


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize(("seconds", "is_free"), [(3600, True), (1, False)])
def test_what_a_killed_creator_left_does_not_hold_the_name(store, seconds, is_free):
    remains = store.root / "mine" / "checkpoints"
    remains.mkdir(parents=True)
    age(remains, seconds)
    if is_free:
        assert store.create(RunConfig(), "mine").status().state == "queued"
    else:
        with pytest.raises(RunError, match="already"):
            store.create(RunConfig(), "mine")


def test_checkpoints_without_a_config_hold_the_name(store):
    saved = store.root / "mine" / "checkpoints" / "checkpoint_step_5"
    saved.mkdir(parents=True)
    age(saved.parent, 3600)
    with pytest.raises(RunError, match="already"):
        store.create(RunConfig(), "mine")
    assert saved.is_dir()


@pytest.mark.parametrize(
    ("waits", "in_series", "locked", "state"),
    [
        (0, False, False, "queued"),
        (3600, False, False, "interrupted"),
        (3600, True, False, "queued"),  # until the sizes before it are trained
        (3600, False, True, "queued"),  # its process is about to say so
    ],
)
def test_a_run_whose_starter_was_killed_can_be_started(
    store, monkeypatch, waits, in_series, locked, state
):
    run = store.create(RunConfig(), "ghost")
    if in_series:
        (run.path / "series.json").write_text("{}")
    lock = RunLock.acquire(run.path) if locked else None
    now = time.time()
    monkeypatch.setattr(run_status.time, "time", lambda: now + waits)
    status = run.status()
    assert status.state == state
    assert status.can_resume == (state == "interrupted")
    if state == "interrupted":
        assert "never started" in status.error
        store.delete(run.id)
    if lock is not None:
        lock.release()


def test_a_run_killed_before_its_process_began_can_be_resumed(store):
    run = store.create(RunConfig(), "killed")
    write_status(run.path, RunStatus(state="queued", pid=1))
    assert run.status().can_resume


def test_what_killed_processes_began_to_write_is_deleted(tmp_path, monkeypatch):
    replace_file(tmp_path / "kept.txt", "kept")
    (tmp_path / ".own").write_text("of the user")
    left = atomic_writes._temporary(tmp_path / "status.json")
    left.write_text("half")
    folder = atomic_writes._temporary(tmp_path / "checkpoint_step_5")
    folder.mkdir()
    (folder / "model.safetensors").write_text("half")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    atomic_writes._temporary(tmp_path / "link").symlink_to(elsewhere)
    forget_leftovers(tmp_path, older_than=60)
    assert left.exists()  # somebody may be at it
    forget_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".own", "kept.txt"]
    assert (elsewhere / "precious").exists()
    forget_leftovers(tmp_path / "none")
