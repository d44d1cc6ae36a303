"""Two machines with the same run: neither takes it from the other by mistake."""

import json
import shutil
import time

import pytest
from engines.small_runs import tiny

from minigpt.cli import main
from minigpt.engines.submitting import settle, submit
from minigpt.errors import RunError
from minigpt.runs.job import IN_JOB, Site, is_elsewhere
from minigpt.runs.lock import held
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.store import Run, RunStore
from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.contents import read_contents
from minigpt.storage.control import Control, read_control, write_control
from minigpt.storage.download import fetch
from minigpt.storage.following import follow, leave, open_stored, shows_life
from minigpt.storage.keeping import begin, forget_stored, hand_over
from minigpt.storage.place import keep_in, read_place, write_place
from minigpt.worker.worker import train_run


@pytest.fixture
def url(tmp_path):
    (tmp_path / "bucket").mkdir()
    return f"file://{tmp_path}/bucket/one"


@pytest.fixture
def here(machine, text_file, url):
    """Return a run that was trained here, and is kept in a bucket, too."""
    run = RunStore(machine("here")).create(tiny(text_file, max_steps=20), "one")
    keep_in(run.path, url.rpartition("/")[0])
    train_run(run)
    return run


@pytest.fixture
def another(machine, text_file, url):
    """Return another machine's run of the same name, which is to be handed in."""
    run = RunStore(machine("there")).create(tiny(text_file), "one")
    keep_in(run.path, url.rpartition("/")[0])
    return run


def goes_on(run: Run) -> None:
    """Let a run's machine train it further, as far as others can see."""
    write_place(run.path, read_place(run.path).begun(is_here=True))
    write_status(run.path, run.status().replace(state="running"))
    begin(run).push()


def test_a_name_does_not_take_a_training_that_goes_on_elsewhere(
    here, machine, url, capsys
):
    machine("there")
    open_stored(url, to_train=False)
    goes_on(here)
    control = read_control(Bucket(url))
    assert main(["train", "--resume", "one", "--max_steps", "30"]) == 2
    assert "is trained elsewhere" in capsys.readouterr().err
    assert read_control(Bucket(url)) == control


def test_a_request_to_stop_is_for_the_training_that_it_was_made_for(here, machine, url):
    machine("there")
    goes_on(here)
    there = open_stored(url, to_train=False)
    there.request_stop()
    write_status(here.path, here.status().replace(state="stopped"))
    begin(here).push()
    settle([there])
    assert not is_elsewhere(there.path)
    assert not there.stop_requested
    (there.path / "stop").touch()  # it came too late
    goes_on(here)
    open_stored(url, to_train=False)
    settle([there])
    assert is_elsewhere(there.path)
    assert not read_control(Bucket(url)).stop


def test_a_name_whose_first_upload_goes_on_is_taken(another, url):
    write_control(bucket := Bucket(url), Control("0123456789abcdef"))
    bucket.write(piece := f"pieces/{'0' * 64}", b"the beginning of a text")
    with pytest.raises(RunError, match="holds another run"):
        hand_over(another)
    forget_stored(another)
    assert read_control(bucket) == Control("0123456789abcdef")
    assert bucket.read(piece, 99) is not None


def test_a_fine_tuning_that_is_refused_leaves_the_bucket_as_it_is(another, url):
    write_control(bucket := Bucket(url), Control("0123456789abcdef"))
    another.write_config(another.config.replace(finetune={"base": "tales"}))
    with pytest.raises(RunError, match="A fine-tuning needs its base"):
        train_run(another)
    forget_stored(another)
    assert read_control(bucket) == Control("0123456789abcdef")


def test_a_fine_tuning_without_a_storage_is_handed_in(store, text_file):
    run = store.create(tiny(text_file), "one")
    run.write_config(run.config.replace(finetune={"base": "tales"}))
    hand_over(run)


def test_only_the_machine_that_trained_uploads_again(here, machine, url, capsys):
    assert main(["train", "--upload", str(here.path)]) == 0
    machine("there")
    there = open_stored(url, to_train=False)
    assert main(["train", "--upload", str(there.path)]) == 2
    assert "was not trained here last" in capsys.readouterr().err


def test_nobody_trains_what_another_process_is_fetching(here, machine, url):
    machine("there")
    there = open_stored(url, to_train=False)
    with held(there.path / "fetch.lock"):
        assert not follow(there)
        with pytest.raises(StorageError, match="is being fetched by another process"):
            follow(there, patience=0.1)


def test_a_sign_of_life_is_by_another_clock_and_may_be_late():
    now = time.time()
    alive = [now - 600, now + 600]
    dead = [now - 86400, now + 86400]
    said = RunStatus(state="running")
    assert all(shows_life(said.replace(heartbeat=each)) for each in alive)
    assert not any(shows_life(said.replace(heartbeat=each)) for each in dead)
    assert shows_life(RunStatus(state="queued", heartbeat=now - 86400))
    assert not shows_life(RunStatus(state="finished", heartbeat=now))


def test_what_waits_elsewhere_for_long_is_not_given_up(another, machine, url):
    hand_over(another)
    status = another.status().replace(state="queued", pid=None, heartbeat=1.0)
    (another.path / "status.json").write_text(json.dumps(status.to_dict()))
    begin(another).push()
    machine("third")
    third = open_stored(url, to_train=False)
    settle([third])
    assert is_elsewhere(third.path)
    assert third.status().state == "queued"


def test_to_stop_a_run_by_its_address_fetches_nothing(another, machine, url):
    hand_over(another)
    root = machine("third")
    assert main(["train", "--stop", url]) == 0
    assert read_control(Bucket(url)).stop
    assert not root.exists()
    assert main(["train", "--stop", f"{url}-not"]) == 2


def test_a_job_removes_no_directory_but_its_own(here, monkeypatch, url, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(IN_JOB, read_place(here.path).attempt)
    leave(here)
    assert here.path.is_dir()
    job = open_stored(url, to_train=True)
    leave(job)
    assert not job.path.parent.exists()
    assert here.path.is_dir()


def test_a_job_that_cannot_begin_leaves_no_directory(url, here, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv(IN_JOB, "0123456789abcdef")
    with pytest.raises(RunError, match="was withdrawn"):
        open_stored(url, to_train=True)
    assert not list((tmp_path / "temporary").iterdir())


def test_a_run_that_is_deleted_while_it_is_fetched_stays_away(
    here, url, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)  # it was there then
    with pytest.raises(StorageError, match="cannot take"):
        fetch(Bucket(url), tmp_path / "deleted")
    assert not (tmp_path / "deleted").exists()


def test_room_is_needed_for_each_file_that_changes(
    here, machine, url, tmp_path, monkeypatch
):
    files = read_contents(Bucket(url)).files
    del files["text.txt"]  # which is not wanted
    sizes = [piece.size for pieces in files.values() for piece in pieces]
    assert len(sizes) > len(set(files.values()))
    usage = shutil.disk_usage(tmp_path)
    free = 2**26 + sum(sizes) - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    (tmp_path / "new").mkdir()
    with pytest.raises(StorageError, match="make room"):
        fetch(Bucket(url), tmp_path / "new")


def test_a_folder_that_is_not_there_is_told_before_the_training(another, url):
    keep_in(another.path, f"{url}/no/such")
    with pytest.raises(RunError, match=r"There is no folder .*: make it, or mount it"):
        train_run(another)
    assert not another.checkpoints()


def test_a_name_that_no_bucket_takes_is_told_before_anything_is_made(
    tmp_path, text_file, url, capsys
):
    words = ["train", "--data", str(text_file), "--storage", url]
    assert main([*words, "--output_dir", str(tmp_path / "My Run")]) == 2
    assert "name it with 1 to 32 of" in capsys.readouterr().err
    assert not (tmp_path / "My Run").exists()


def test_what_a_cluster_refuses_does_not_wait_in_the_bucket(
    here, machine, url, monkeypatch
):
    goes_on(here)
    write_status(here.path, here.status().replace(state="stopped"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunError, match="sbatch"):
        submit(here, Site("slurm"))
    machine("there")
    assert open_stored(url, to_train=False).status().state == "stopped"
