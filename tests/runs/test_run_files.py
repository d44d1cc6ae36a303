"""The files of a run: readers during writing, torn lines, restarts, odd names."""

import json
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from minigpt.config import RunConfig, get_recipe
from minigpt.errors import RunError
from minigpt.library.catalogue import available_models, find_model
from minigpt.runs import status
from minigpt.runs.files import Journal, read_journal
from minigpt.runs.lock import RunLock, is_locked
from minigpt.runs.status import RunStatus, read_status, write_status
from minigpt.runs.store import RunStore, create_run


def fake_checkpoint(path, step):
    path.mkdir(parents=True)
    config = {"format": "minigpt-checkpoint", "version": 1, "step": step}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def steps(chunk):
    return [record["step"] for record in chunk.records]


def test_a_reader_that_remembers_its_offset_sees_every_record_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    journal, seen, offset = Journal(path), [], 0
    writer = threading.Thread(
        target=lambda: [journal.append({"step": step}) for step in range(3000)]
    )
    writer.start()
    while writer.is_alive() or len(seen) < 3000:
        chunk = read_journal(path, offset)
        seen += steps(chunk)
        offset = chunk.offset
    assert seen == list(range(3000))


def test_an_unfinished_last_line_is_left_for_the_next_read(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\n{"st', encoding="utf-8")
    first = read_journal(path)
    assert steps(first) == [1]
    with path.open("a", encoding="utf-8") as file:
        file.write('ep": 2}\n')
    assert steps(read_journal(path, first.offset)) == [2]


def test_a_line_torn_by_a_kill_does_not_swallow_the_next_record(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo', encoding="utf-8")
    Journal(path).append({"step": 2})
    assert steps(read_journal(path)) == [1, 2]


def test_after_a_restart_each_step_is_seen_once(tmp_path):
    journal = Journal(tmp_path / "m.jsonl")
    for step in range(1, 8):
        journal.append({"step": step, "loss": 1.0})
    reader = read_journal(tmp_path / "m.jsonl")
    journal.restart(4)
    for step in range(5, 10):
        journal.append({"step": step, "loss": 2.0})
    whole = read_journal(tmp_path / "m.jsonl")
    assert steps(whole) == list(range(1, 10))
    chunk = read_journal(tmp_path / "m.jsonl", reader.offset)
    kept = [r for r in reader.records if r["step"] <= chunk.restart]
    assert kept + chunk.records == whole.records


def test_a_diverged_loss_is_written_as_null(tmp_path):
    Journal(tmp_path / "m.jsonl").append({"step": 1, "loss": float("nan")})
    assert (tmp_path / "m.jsonl").read_text(encoding="utf-8").count("null") == 1


def test_a_run_gives_back_the_config_it_was_made_from(store):
    config = get_recipe("gpt2").replace(model_type="mlp")
    run = store.create(config, "first")
    assert store.open("first").config == config
    assert run.status().state == "queued"
    assert run.metrics().records == []
    assert run.snapshots().steps == []
    assert run.best is None


@pytest.mark.parametrize(
    "name",
    ["../x", "..", ".", "", "a/b", "/etc", "A", "x" * 33, "-x", "a\n", "ü", "a b"],
)
def test_a_name_that_is_not_plain_is_refused_everywhere(store, name):
    for act in (
        lambda: store.create(RunConfig(), name),
        lambda: store.open(name),
        lambda: store.delete(name),
    ):
        with pytest.raises(RunError, match=r"cannot be a run's name"):
            act()
    assert not (store.root.parent / "x").exists()


def test_a_link_out_of_the_directory_is_not_followed(store, tmp_path):
    outside = create_run(tmp_path / "outside", RunConfig())
    store.root.mkdir()
    (store.root / "inside").symlink_to(outside.path)
    assert store.list() == []
    with pytest.raises(RunError, match="leads out"):
        store.open("inside")
    with pytest.raises(RunError, match="leads out"):
        store.delete("inside")
    assert outside.config == RunConfig()


def test_an_unknown_run_suggests_near_names(store):
    with pytest.raises(RunError, match="no runs yet"):
        store.open("tales-1")
    store.create(RunConfig(), "tales-1")
    with pytest.raises(RunError, match=r"no run 'tale-1'.*'tales-1'"):
        store.open("tale-1")


def test_a_taken_name_is_refused_and_an_automatic_one_never_clashes(store):
    store.create(RunConfig(), "twice")
    with pytest.raises(RunError, match="already"):
        store.create(RunConfig(), "twice")
    ids = {store.create(RunConfig()).id for _ in range(5)}
    assert len(ids) == 5
    assert {run.id for run in store.list()} == ids | {"twice"}


def test_of_many_creators_of_one_name_one_wins(store):
    outcomes = []

    def create():
        try:
            outcomes.append(store.create(RunConfig(), "same"))
        except RunError:
            outcomes.append(None)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(run is not None for run in outcomes) == 1


def test_a_run_whose_process_is_gone_reads_as_interrupted(store):
    run = store.create(RunConfig(), "gone")
    write_status(run.path, RunStatus(state="running", pid=1, step=7))
    status = run.status()
    assert (status.state, status.step) == ("interrupted", 7)
    assert status.can_resume
    with pytest.raises(RunError, match="nothing to stop"):
        run.request_stop()


def test_a_run_is_alive_as_long_as_its_lock_is_held(store):
    run = store.create(RunConfig(), "alive")
    lock = RunLock.acquire(run.path)
    write_status(run.path, RunStatus(state="running"))
    assert run.status().state == "running"
    with pytest.raises(RunError, match="already being trained"):
        RunLock.acquire(run.path)
    with pytest.raises(RunError, match="already being trained"):
        store.delete("alive")
    run.request_stop()
    assert run.stop_requested
    lock.release()
    assert not is_locked(run.path)
    store.delete("alive")
    assert store.list() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows locks bytes only for writers")
def test_who_may_only_read_a_run_sees_that_it_is_alive():
    user, nobody = os.geteuid(), 65534
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        lock = RunLock.acquire(Path(name))
        (Path(name) / "lock").chmod(0o444)
        try:
            if user == 0:  # who may write everything
                os.seteuid(nobody)
            assert is_locked(Path(name))
            lock.release()
            assert not is_locked(Path(name))
        finally:
            os.seteuid(user)


def test_a_damaged_status_or_config_is_one_clear_line(store):
    run = store.create(RunConfig(), "bad")
    (run.path / "status.json").write_text('{"state": "dancing"}', encoding="utf-8")
    with pytest.raises(RunError, match="state"):
        read_status(run.path)
    (run.path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"config\.json"):
        _ = run.config
    assert available_models(store.root.parent) == []


@pytest.mark.parametrize("name", ["status.json", "config.json"])
def test_what_a_stranger_may_have_written_is_one_clear_line(store, name):
    run = store.create(RunConfig())
    (run.path / name).write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(RunError, match=f"{name} cannot be read"):
        _ = run.status(), run.config


def test_a_run_that_is_deleted_while_it_is_looked_at_is_one_clear_line(
    store, monkeypatch
):
    run = store.create(RunConfig())
    write_status(run.path, RunStatus(state="running", pid=1))
    monkeypatch.setattr(status, "is_elsewhere", lambda path: shutil.rmtree(path))
    with pytest.raises(RunError, match="cannot be read"):
        run.status()


@pytest.mark.parametrize(
    "text", ['{"format": "minigpt-checkpoint", "step": 1e999}', "[" * 100_000]
)
def test_a_checkpoint_that_no_training_has_saved_is_none(store, text):
    run = store.create(RunConfig())
    fake_checkpoint(run.path / "checkpoints" / "checkpoint_step_1", 1)
    (run.path / "checkpoints" / "best_model").mkdir()
    (run.path / "checkpoints" / "best_model" / "config.json").write_text(text)
    assert [saved.step for saved in run.checkpoints()] == [1]


@pytest.mark.parametrize(
    "line", ['{"restart": "x"}', '{"restart": 1e999}', '{"step": "x"}', "[" * 100_000]
)
def test_a_line_that_no_training_has_written_is_passed_over(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n{{"restart": 1}}\n', encoding="utf-8")
    assert read_journal(path).records == [{"step": 1}]


def test_checkpoints_come_in_order_of_their_step_one_each(store):
    run = store.create(RunConfig(), "c")
    for name, step in [
        ("checkpoint_step_900", 900),
        ("checkpoint_step_1000", 1000),
        ("checkpoint_epoch_1", 950),
        ("best_model", 900),
        ("checkpoint_step_7.tmp-1", 7),
    ]:
        fake_checkpoint(run.path / "checkpoints" / name, step)
    (run.path / "checkpoints" / "junk").mkdir()
    assert [step for step, _ in run.checkpoints()] == [900, 950, 1000]
    assert run.checkpoints()[0].path.name == "checkpoint_step_900"
    assert run.best.name == "best_model"
    assert run.latest.name == "checkpoint_step_1000"


def test_the_catalogue_lists_shipped_models_then_runs(tmp_path):
    models, store = tmp_path / "models", RunStore(tmp_path / "runs")
    fake_checkpoint(models / "glass", 5)
    for step in (0, 10, 100):
        fake_checkpoint(models / "film" / "checkpoints" / f"step_{step:06d}", step)
    about = {"title": "A film", "description": "Heads forming."}
    (models / "film" / "about.json").write_text(json.dumps(about), encoding="utf-8")
    (models / "notes").mkdir()
    (models / "Bad Name").mkdir()
    run = store.create(RunConfig(), "mine")
    store.create(RunConfig(), "empty")
    fake_checkpoint(run.path / "checkpoints" / "best_model", 3)

    entries = available_models(tmp_path)
    assert [entry.id for entry in entries] == ["film", "glass", "mine"]
    film = find_model(tmp_path, "film")
    assert (film.title, film.description) == ("A film", "Heads forming.")
    assert [step for step, _ in film.steps] == [0, 10, 100]
    assert film.path_at(10).name == "step_000010"
    assert film.path_at(None) == film.path_at(99) == film.path
    with pytest.raises(RunError, match=r"no model 'gloss'.*'glass'"):
        find_model(tmp_path, "gloss")
    for name in ("../runs/mine", "..", "film/checkpoints"):
        with pytest.raises(RunError):
            find_model(tmp_path, name)
    with pytest.raises(RunError, match="shipped"):
        store.create(RunConfig(), "glass")


def test_no_data_directory_at_all_is_an_empty_catalogue(tmp_path):
    assert available_models(tmp_path / "nothing") == []
