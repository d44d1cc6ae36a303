"""Trainings in a real Ray of one machine: as here, stopped, killed, lost."""

import os
import secrets
import shlex
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest
import torch
from engines import one_ray
from engines.small_runs import (
    DEADLINE,
    becomes,
    check_a_killed_process_is_resumed,
    check_losses_are_those_of_one_process,
    check_no_common_folder_is_needed,
    endless,
    has_saved,
    losses_of,
    state_of,
    tiny,
)
from patience import until

from minigpt.checkpoint import load_checkpoint
from minigpt.cli import main
from minigpt.datasets.tales.story import generate_tales
from minigpt.engines import submitting
from minigpt.engines.ray import Ray
from minigpt.engines.submitting import look, submit
from minigpt.errors import RunError
from minigpt.runs.job import IN_JOB, Site, read_job
from minigpt.runs.lock import is_locked
from minigpt.worker import launch
from minigpt.worker.worker import train_run


@pytest.fixture(scope="module", autouse=True)
def token():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
        yield


@pytest.fixture(scope="module")
def cluster(token):
    if not one_ray.is_installed():
        pytest.skip("Ray (pip install 'ray[default,train]') is not installed")
    with one_ray.running() as found:
        yield found


@pytest.fixture
def one(cluster):
    return Site("ray", cluster.address)


@pytest.fixture
def two(cluster):
    return Site("ray", cluster.address, workers=2)


def of_two(text_file, **train):
    """Describe a run without dropout: each process draws its own."""
    config = tiny(text_file, **train)
    return config.replace(transformer=config.transformer.replace(dropout=0.0).to_dict())


def alike(found, expected):
    assert [record[:2] for record in found] == [record[:2] for record in expected]
    losses = [[loss for *_, loss in records] for records in (found, expected)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def other_worker(pid: int) -> int:
    """Return the worker beside one, of the same job."""
    beside = psutil.Process(pid).parent().children()
    return next(
        process.pid
        for process in beside
        if "RayTrainWorker" in " ".join(process.cmdline()) and process.pid != pid
    )


def test_the_losses_are_those_of_one_process(one, store, text_file, capfd):
    check_losses_are_those_of_one_process(one, "Ray", store, text_file, capfd)


def test_a_killed_process_is_resumed_and_gives_the_same_losses(one, store, text_file):
    check_a_killed_process_is_resumed(one, store, text_file)


def test_who_stops_saves_and_who_waits_is_withdrawn(
    one, store, text_file, monkeypatch, capsys
):
    busy = store.create(endless(text_file), "busy")
    submit(busy, one)
    monkeypatch.setenv("MINIGPT_RAY", "CPU=8")
    waits = store.create(tiny(text_file), "waits")
    submit(waits, one)
    assert "it needs CPU=8, and the cluster has 2" in waits.status().activity
    assert state_of(waits) == "queued"
    with pytest.raises(RunError, match="already being trained or waits"):
        launch.resume(waits)
    with pytest.raises(RunError, match="trained elsewhere"):
        store.delete(waits.id)
    assert main(["train", "--stop", str(waits.path)]) == 0
    becomes(waits, "stopped")
    until(lambda: has_saved(busy), DEADLINE)
    busy.request_stop()
    becomes(busy, "stopped")
    assert busy.checkpoints()[-1].step == busy.status().step > 0


def test_without_a_common_folder_a_bucket_will_do(one, store, text_file, tmp_path):
    check_no_common_folder_is_needed(one, store, text_file, tmp_path)


def test_who_does_not_know_the_token_is_not_let_in(one, store, text_file, monkeypatch):
    run = store.create(tiny(text_file), "stranger")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "guessed")
    with pytest.raises(RunError, match="lets only those in who know its token"):
        submit(run, one)
    assert read_job(run.path) is None


def test_a_job_that_dies_at_once_is_interrupted_and_its_log_says_why(
    one, store, text_file, monkeypatch
):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    run = store.create(tiny(text_file), "dies")
    submit(run, one)
    becomes(run, "interrupted")
    assert "ended before it trained" in run.status().error
    assert "/nowhere/python" in run.read_log()
    store.delete(run.id)


def test_two_workers_have_the_losses_of_one_and_write_one_model(two, store, text_file):
    config = of_two(text_file, shard=True)
    here = store.create(config, "here")
    train_run(here)  # one process has nothing to share out
    there = store.create(config, "there")
    submit(there, two)
    assert main(["train", "--watch", str(there.path)]) == 0
    assert there.status().state == "finished"
    alike(losses_of(there), losses_of(here))
    assert there.snapshots().steps == here.snapshots().steps
    model = load_checkpoint(there.best).model
    expected = load_checkpoint(here.best).model
    assert model.config == expected.config
    tokens = torch.arange(12)[None] % model.config.vocab_size
    torch.testing.assert_close(model(tokens), expected(tokens), atol=1e-3, rtol=0)
    until(lambda: not list(there.path.glob("ray-*")), DEADLINE)


@pytest.mark.parametrize("first", [True, False])
def test_a_killed_worker_is_replaced_and_the_run_goes_on(two, store, text_file, first):
    config = of_two(text_file, max_steps=300, eval_interval=50)
    whole, run = store.create(config, "whole"), store.create(config, "killed")
    train_run(whole)
    job = submit(run, two)
    until((run.path / "checkpoints" / "checkpoint_step_50").is_dir, DEADLINE)
    pid = run.status().pid
    os.kill(pid if first else other_worker(pid), signal.SIGKILL)
    until(lambda: run.status().pid not in (None, pid), DEADLINE)
    becomes(run, "finished")
    assert read_job(run.path).id == job.id
    assert run.read_log(10**6).count("Saved checkpoint_step_50 ") == 1
    steps = [step for kind, step, _ in losses_of(run) if kind == "step"]
    assert steps == list(range(1, 301))
    alike(losses_of(run), losses_of(whole))


def test_workers_that_fail_by_themselves_are_not_begun_again(two, store, text_file):
    run = store.create(of_two(text_file, batch_size=1), "small")
    submit(run, two)
    becomes(run, "failed")
    assert "each process needs at least one window" in run.status().error


def test_a_cluster_encodes_a_large_text_even_when_its_cpus_are_taken(
    cluster, one, tmp_path
):
    text = tmp_path / "text.txt"
    text.write_text(generate_tales(100_000), encoding="utf-8")
    script = Path(__file__).with_name("encoding_job.py")
    words = shlex.join([sys.executable, str(script), str(text), str(tmp_path)])
    said = tmp_path / "said.txt"
    job = Ray(one)._call(
        "/api/jobs/",
        {
            "entrypoint": f"exec {words} 2>{shlex.quote(str(said))}",
            "entrypoint_num_cpus": 2,  # all there are
            "runtime_env": {"env_vars": {IN_JOB: "1"}},
        },
    )["submission_id"]
    until(lambda: not Ray(one).states([job]), DEADLINE)
    here, there = (
        {p.name: p.read_bytes() for p in (tmp_path / place).rglob("*.*") if p.is_file()}
        for place in ("here", "there")
    )
    assert there == here != {}, said.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "ray", "--address", "{nobody}"], "No Ray dashboard answers at"),
        (["--engine", "ray", "--address", "ray://head:10001"], "such as http://"),
        (["--engine", "ray", "--workers", "0"], "--workers is 0: choose"),
        (["--workers", "2"], "are for --engine ray"),
        (["--engine", "slurm", "--address", "http://a"], "are for --engine ray"),
        (["--detach"], "--detach is for --engine slurm or ray"),
    ],
)
def test_a_wrong_address_is_one_line_and_leaves_nothing(
    words, said, tmp_path, text_file, monkeypatch, capsys
):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    words = [word.format(nobody=f"http://127.0.0.1:{port}") for word in words]
    assert main(["train", *words, "--data", str(text_file), "--name", "no"]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "data/runs/no").exists()


def test_what_a_process_needs_is_read_or_refused(store, text_file, monkeypatch):
    run = store.create(tiny(text_file), "needs")
    monkeypatch.setenv("MINIGPT_RAY", "four CPUs")
    with pytest.raises(RunError, match="such as CPU=4 GPU=1, and 'four' is not"):
        submit(run, Site("ray", "http://127.0.0.1:1"))
    assert run.status().state == "queued"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://me:pw@a", "", "a b"])
def test_a_job_at_a_strange_address_is_none(store, text_file, address):
    run = store.create(tiny(text_file), "strange")
    job = f'{{"engine": "ray", "id": "a", "address": "{address}"}}'
    (run.path / "job.json").write_text(job)
    look([run])
    assert read_job(run.path) is None


def test_a_cluster_that_is_stopped_loses_nothing(
    cluster, one, store, text_file, monkeypatch
):
    run = store.create(endless(text_file), "run")
    waits = store.create(tiny(text_file), "waits")
    submit(run, one)
    until(lambda: has_saved(run), DEADLINE)
    monkeypatch.setenv("MINIGPT_RAY", "CPU=8")
    submit(waits, one)
    one_ray.stop(cluster.process)  # the last test that needs it
    until(lambda: not is_locked(run.path), DEADLINE)
    assert state_of(run) == "running"  # it may be the way there that is cut
    monkeypatch.setattr(submitting, "SILENT", 0.5)
    becomes(run, "interrupted")
    assert state_of(waits) == "queued"
    waits.request_stop()
    assert state_of(waits) == "stopped"
    assert run.checkpoints()[-1].step > 0
    with pytest.raises(RunError, match="No Ray dashboard answers"):
        launch.resume(run)
    assert run.status().state == "interrupted"
