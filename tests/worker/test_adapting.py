"""A training in the hands of a busy machine: what changes, and where it is written."""

import sys

import pytest
import torch

from minigpt.config import RunConfig, TrainConfig
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.model import create_model
from minigpt.training.busy import ways
from minigpt.training.callbacks import StepRecord
from minigpt.training.trainer import Trainer
from minigpt.worker.adapting import Adapting

SIZES = {"vocab_size": 30, "d_model": 16, "num_layers": 1, "num_heads": 2}
FEWER_ARE_QUICKER = {1: (0.1, 0.1), 2: (0.9, 0.3)}
"""Seconds and CPU seconds of a step, by the number of threads."""


@pytest.fixture(autouse=True)
def same_threads_afterwards(monkeypatch):
    # As a user would who wants them to stay awake: then only their number can change.
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def trainer_of(tmp_path, num_threads):
    model = create_model("transformer", **SIZES, max_seq_len=12)
    sampler = WindowSampler(torch.arange(400) % 30, 12, 4, seed=3)
    config = TrainConfig(num_threads=num_threads, device="cpu")
    return Trainer(model, sampler, config=config, output_dir=tmp_path / "out")


def record_of(step, seconds, cpu):
    """Describe a step that took so long, and as long again waited for its data."""
    return StepRecord(
        step=step, total_steps=None, epoch=1, loss=3.0, average_loss=3.0,
        learning_rate=1e-3, gradient_norm=1.0, tokens_seen=48,
        tokens_per_second=100.0, eta_seconds=None, seconds=2 * seconds,
        cpu_seconds=cpu, parts={"data": seconds},
    )  # fmt: skip


def train(adapting, steps):
    for step in range(1, steps + 1):
        adapting.on_step(record_of(step, *FEWER_ARE_QUICKER[torch.get_num_threads()]))


def test_fewer_threads_are_written_down_and_taken_back(store, tmp_path):
    run = store.create(RunConfig(), "busy")
    trainer = trainer_of(tmp_path, num_threads=None)
    adapting = Adapting(run)
    adapting.begin(trainer)
    train(adapting, 20)
    assert torch.get_num_threads() == 1
    assert trainer.keeper.provenance["computed_with"]["num_threads"] == [2, 1]
    assert "training goes on with 1 thread." in run.read_log()
    adapting.end()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_number_that_the_user_set_stays(store, tmp_path, num_threads):
    trainer = trainer_of(tmp_path, num_threads)
    adapting = Adapting(store.create(RunConfig(), "set"))
    adapting.begin(trainer)
    train(adapting, 20)
    assert torch.get_num_threads() == num_threads
    assert "num_threads" not in trainer.keeper.provenance["computed_with"]


@pytest.mark.skipif(
    sys.platform != "linux", reason="threads sleep there from the start"
)
def test_sleep_is_tried_first_and_leaves_the_number_alone(store, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    trainer = trainer_of(tmp_path, num_threads=2)
    run = store.create(RunConfig(), "asleep")
    adapting = Adapting(run)
    adapting.begin(trainer)
    for step in range(1, 20):
        seconds = 0.2 if adapting.way.asleep else 0.8
        adapting.on_step(record_of(step, seconds, 0.1))
    asleep = [way for way in ways(2, may_sleep=True, may_be_fewer=False) if way.asleep]
    assert [adapting.way] == asleep
    assert "2 threads that wait asleep" in run.read_log()
    assert "num_threads" not in trainer.keeper.provenance["computed_with"]
    adapting.end()


def test_a_step_that_waits_for_a_gpu_decides_nothing(store, tmp_path):
    trainer = trainer_of(tmp_path, num_threads=None)
    trainer.team = type(trainer.team)(rank=0, size=1, device=torch.device("cuda"))
    adapting = Adapting(store.create(RunConfig(), "gpu"))
    adapting.begin(trainer)
    train(adapting, 20)
    assert torch.get_num_threads() == 2
    adapting.end()
