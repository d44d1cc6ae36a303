"""Trainings in a real Slurm of one node: as here, stopped, killed, lost, many."""

import os
import signal
import subprocess

import pytest
from engines import one_node
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

from minigpt.cli import main
from minigpt.engines.submitting import look, settle, submit
from minigpt.errors import RunError
from minigpt.runs.job import Site, read_job
from minigpt.runs.store import RunStore
from minigpt.worker import launch
from pages.frame.runs import turn

SLURM = Site("slurm")


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    if not one_node.is_installed():
        pytest.skip("Slurm (slurm-wlm and munge) is not installed")
    with one_node.running(tmp_path_factory.mktemp("slurm")) as found:
        yield found


@pytest.fixture
def slurm(variables, monkeypatch):
    """Lead Slurm's commands to the test's own; cancel what a test has left."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    scontrol("scancel", "--me")


def scontrol(*words: str) -> str:
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return done.stdout


def begins_again(job: str, node: str) -> bool:
    """Bring a lost node back, and have its job begun now; Slurm would wait minutes.

    While the node still clears up after the job, Slurm takes it out again.
    """
    for update in (
        ["update", f"nodename={node}", "state=resume"],
        ["release", job],
        ["update", f"jobid={job}", "starttime=now"],
    ):
        subprocess.run(["scontrol", *update], capture_output=True)
    return "RUNNING" in scontrol("squeue", "-h", "-o", "%T", "-j", job)


def test_the_losses_are_those_of_one_process(slurm, store, text_file, capfd):
    check_losses_are_those_of_one_process(SLURM, "Slurm", store, text_file, capfd)


def test_a_killed_worker_is_resumed_and_gives_the_same_losses(slurm, store, text_file):
    check_a_killed_process_is_resumed(SLURM, store, text_file)


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_job_whose_node_was_lost_begins_again_by_itself(
    slurm, store, text_file, is_heard
):
    run = store.create(endless(text_file), "lost")
    job = submit(run, SLURM).id
    until(lambda: has_saved(run), DEADLINE)
    node = one_node.socket.gethostname().partition(".")[0]
    if not is_heard:  # it cannot save: it is killed in the end
        os.kill(run.status().pid, signal.SIGSTOP)
    scontrol("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    becomes(run, "queued")
    assert "lost" in run.status().activity
    before = run.checkpoints()[-1].step
    until(lambda: begins_again(job, node), DEADLINE)
    becomes(run, "running")
    until(lambda: run.checkpoints()[-1].step > before, DEADLINE)
    run.request_stop()
    becomes(run, "stopped")
    steps = [step for kind, step, _ in losses_of(run) if kind == "step"]
    assert steps == list(range(1, len(steps) + 1))


def test_who_stops_saves_and_who_waits_is_withdrawn(slurm, store, text_file):
    busy = store.create(endless(text_file), "busy")
    submit(busy, SLURM)
    until(lambda: has_saved(busy), DEADLINE)
    assert not launch.read_queue(store).at_work  # it takes no place of this machine
    scontrol("scontrol", "update", "partitionname=main", "state=down")
    waits = store.create(tiny(text_file), "waits")
    job = submit(waits, SLURM).id
    assert state_of(waits) == "queued"
    for refused in (launch.resume, lambda run: submit(run, SLURM)):
        with pytest.raises(RunError, match="already being trained or waits"):
            refused(waits)
    with pytest.raises(RunError, match="trained elsewhere"):
        store.delete(waits.id)
    assert main(["train", "--resume", str(waits.path)]) == 2
    assert main(["train", "--stop", str(waits.path)]) == 0
    becomes(waits, "stopped")
    assert job not in scontrol("squeue", "-h", "-o", "%i").split()
    scontrol("scontrol", "update", "partitionname=main", "state=up")
    busy.request_stop()
    assert busy.status().state in ("stopping", "stopped")
    becomes(busy, "stopped")
    assert busy.checkpoints()[-1].step == busy.status().step > 0


def test_without_a_common_folder_a_bucket_will_do(slurm, store, text_file, tmp_path):
    check_no_common_folder_is_needed(SLURM, store, text_file, tmp_path)


def test_the_page_notes_that_a_job_was_cancelled(slurm, store, text_file):
    scontrol("scontrol", "update", "partitionname=main", "state=down")
    run = store.create(tiny(text_file), "cancelled")
    job = submit(run, SLURM).id
    scontrol("scancel", job)
    scontrol("scontrol", "update", "partitionname=main", "state=up")
    assert turn.look([run]) is False
    status = run.status()
    assert status.state == "interrupted"
    assert "ended before it trained" in status.error
    store.delete(run.id)


def test_a_refused_run_leaves_nothing(slurm, tmp_path, text_file, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINIGPT_SLURM", "--partition=nowhere")
    words = ["train", "--engine", "slurm", "--data", str(text_file), "--name", "no"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "invalid partition specified: nowhere" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "data/runs/no").exists()


def test_without_slurm_one_line_says_where_to_go(
    tmp_path, text_file, monkeypatch, capsys
):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["train", "--engine", "slurm", "--data", str(text_file), "--name", "no"]
    assert main(words) == 2
    assert "Slurm's sbatch is not on this machine" in capsys.readouterr().err
    assert not (tmp_path / "data/runs/no").exists()


def test_a_job_by_a_strange_name_is_none(store, text_file):
    run = store.create(tiny(text_file), "strange")
    for job in (
        '{"engine": "slurm", "id": "--me"}',
        '{"engine": "sh", "id": "1"}',
        "[]",
    ):
        (run.path / "job.json").write_text(job)
        look([run])
        assert read_job(run.path) is None
    assert run.status().state == "queued"


@pytest.mark.walk
@pytest.mark.timeout(1500)
def test_forty_runs_drain(slurm, tmp_path, text_file):
    store = RunStore(tmp_path / "forty")
    runs = [store.create(tiny(text_file, max_steps=20), f"run-{n}") for n in range(40)]
    for run in runs:
        submit(run, SLURM)
    until(lambda: settle(runs) or not any(run.status().is_alive for run in runs), 1200)
    assert {run.status().state for run in runs} == {"finished"}
    assert len({tuple(losses_of(run)) for run in runs}) == 1
