"""Runs in a bucket: trained here, watched there, stopped, resumed, killed, cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from engines.small_runs import becomes, endless, has_saved, losses_of, tiny
from patience import until

from minigpt.checkpoint import load_checkpoint
from minigpt.cli import main
from minigpt.engines.submitting import settle
from minigpt.errors import MinigptError, RunError
from minigpt.runs.job import IN_JOB, is_elsewhere
from minigpt.runs.store import Run, RunStore
from minigpt.storage import keeping
from minigpt.storage.bucket import Bucket
from minigpt.storage.contents import read_contents
from minigpt.storage.download import fetch
from minigpt.storage.following import follow, open_stored
from minigpt.storage.keeping import hand_over
from minigpt.storage.place import keep_in, read_place
from minigpt.worker.worker import train_run

OWN = {
    "lock",
    "storage.json",
    "contents.json",
    "fetch.lock",
    "job.json",
    "text.txt",
    "stop",
}
"""What each machine has for itself."""


def kept(root: Path, config, bucket, name="one") -> Run:
    """Create a run that is kept in a bucket, too."""
    run = RunStore(root).create(config, name)
    keep_in(run.path, bucket.url)
    return run


def files_of(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("*")
        if path.is_file() and path.name not in OWN
    }


def in_thread(run: Run) -> threading.Thread:
    """Train a run; how that ends is in its status."""

    def train() -> None:
        with contextlib.suppress(RunError):
            train_run(run)

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    return thread


def test_what_was_trained_here_is_there_to_the_byte(bucket, store, machine, text_file):
    plain = store.create(tiny(text_file), "plain")
    train_run(plain)
    here = kept(machine("here"), tiny(text_file), bucket)
    train_run(here)
    assert losses_of(here) == losses_of(plain)
    machine("there")
    there = open_stored(f"{bucket.url}/one", to_train=False)
    assert there.path != here.path
    assert files_of(there) == files_of(here)
    assert load_checkpoint(there.best).metadata.step == 60
    assert there.status().state == "finished"


def test_a_reader_never_sees_half_a_checkpoint(
    bucket, machine, text_file, tmp_path, monkeypatch
):
    monkeypatch.setattr(keeping, "EVERY", 1.0)
    run = kept(machine("here"), tiny(text_file, max_steps=40), bucket)
    url, seen, wrong = f"{bucket.url}/one", set(), []
    reader = Run(tmp_path / "reader")
    reader.path.mkdir()

    def look() -> None:
        if fetch(Bucket(url), reader.path) is None:
            return
        for saved in reader.checkpoints():
            load_checkpoint(saved.path)
            seen.add(saved.step)

    for name in ("upload", "write"):
        do = getattr(Bucket, name)

        def then_look(self, *words, do=do):
            do(self, *words)
            try:
                look()
            except MinigptError as error:
                wrong.append(error)

        monkeypatch.setattr(Bucket, name, then_look)
    train_run(run)
    assert wrong == []
    assert 40 in seen


def test_stop_and_resume_go_through_the_bucket(bucket, store, machine, text_file):
    config = tiny(text_file, max_steps=6000, eval_interval=50)
    here = kept(machine("here"), config, bucket)
    thread = in_thread(here)
    until(lambda: has_saved(here))
    machine("there")
    until(lambda: read_contents(Bucket(f"{bucket.url}/one")))
    there = open_stored(f"{bucket.url}/one", to_train=False)
    assert is_elsewhere(there.path)
    assert there.status().state == "running"
    until(lambda: settle([there]) or has_saved(there))
    there.request_stop()
    becomes(there, "stopped")
    thread.join()
    assert here.status().state == "stopped"
    assert losses_of(there) == losses_of(here)
    text_file.unlink()  # of the first machine; the others have what came along
    machine("third")
    third = open_stored(f"{bucket.url}/one", to_train=True)
    step = third.status().step
    third.write_config(
        config.replace(train=config.train.replace(max_steps=step + 50).to_dict())
    )
    train_run(third, resume=True)
    assert third.status().state == "finished"
    steps = [step for kind, step, _ in losses_of(third) if kind == "step"]
    assert steps == list(range(1, step + 51))
    with pytest.raises(RunError, match="went on elsewhere"):
        train_run(here, resume=True)


@pytest.mark.parametrize("bucket", ["folder"], indirect=True)  # it takes its time
def test_a_killed_worker_is_replaced_and_goes_on_from_the_bucket(
    bucket, store, machine, text_file
):
    config = tiny(text_file, max_steps=600, eval_interval=50)
    whole = store.create(config, "whole")
    train_run(whole)
    run = kept(machine("here"), config, bucket)
    hand_over(run)
    url, mark = f"{bucket.url}/one", read_place(run.path).attempt
    job = [sys.executable, "-m", "minigpt", "train", "--resume", url]
    own = {IN_JOB: mark, "TMPDIR": str(text_file.parent), "OMP_NUM_THREADS": "1"}
    own["MINIGPT_DATA"] = str(text_file.parent / "elsewhere")
    first = subprocess.Popen(job, env=os.environ | own, stdout=subprocess.DEVNULL)
    until(lambda: (follow(run) and has_saved(run)) or first.poll() is not None)
    assert first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    subprocess.run(job, env=os.environ | own, stdout=subprocess.DEVNULL, check=True)
    follow(run)
    assert run.read_log(10**6).count("Saved checkpoint_step_50 ") == 1
    assert losses_of(run) == losses_of(whole)


def test_a_withdrawn_job_does_not_train(bucket, machine, text_file, monkeypatch):
    run = kept(machine("here"), tiny(text_file), bucket)
    hand_over(run)
    monkeypatch.setenv(IN_JOB, read_place(run.path).attempt)
    run.request_stop()
    follow(run)
    with pytest.raises(RunError, match="was withdrawn"):
        open_stored(f"{bucket.url}/one", to_train=True)


def test_a_bucket_that_is_away_for_a_while_loses_nothing(
    bucket, machine, text_file, monkeypatch
):
    run = kept(machine("here"), endless(text_file), bucket)
    with bucket.away():
        thread = in_thread(run)
        until(lambda: has_saved(run))
    until(lambda: "answers again" in run.read_log())
    with bucket.away():
        before = run.status().step
        until(lambda: run.status().step > before)
        monkeypatch.setattr(keeping, "PATIENCE", 0.0)
        run.request_stop()
        thread.join()
    assert "Everything is saved in" in run.status().error
    assert f"--upload {run.path}" in run.status().error
    assert main(["train", "--upload", str(run.path)]) == 0
    assert run.status().error is None
    machine("there")
    there = open_stored(f"{bucket.url}/one", to_train=False)
    assert files_of(there) == files_of(run)


def test_another_run_of_the_same_name_is_not_overwritten(bucket, machine, text_file):
    train_run(kept(machine("here"), tiny(text_file, max_steps=20), bucket))
    before = read_contents(Bucket(f"{bucket.url}/one"))
    second = kept(machine("there"), tiny(text_file, max_steps=20), bucket)
    with pytest.raises(RunError, match="another run, or one that went on elsewhere"):
        train_run(second)
    assert read_contents(Bucket(f"{bucket.url}/one")) == before


def test_the_credentials_are_nowhere(s3, machine, text_file, tmp_path, capfd):
    words = ["--max_steps", "20", "--eval_interval", "10", "--d_model", "16"]
    words += ["--num_layers", "1", "--num_heads", "2", "--data", str(text_file)]
    machine("here")
    assert main(["train", *words, "--name", "one", "--storage", s3.url]) == 0
    machine("there")
    assert main(["train", "--watch", f"{s3.url}/one"]) == 0
    found = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    contents = read_contents(bucket := Bucket(f"{s3.url}/one"))
    for piece in contents.pieces:
        found.append(b"".join(bucket.download(piece.name, piece.size)))
    found.append(bucket.read("contents.json", 2**24) + bucket.read("control.json", 999))
    found.append("".join(capfd.readouterr()).encode())
    assert len(found) > 60
    for data in found:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert os.environ[name].encode() not in data
