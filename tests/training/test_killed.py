"""A training killed at any moment and resumed equals one that was left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN_AND_KILL = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from minigpt.checkpoint import has_training_state
from minigpt.config import TrainConfig
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.model import create_model
from minigpt.training import Trainer, TrainerCallback

class Log(TrainerCallback):
    reports = True
    def __init__(self, path):
        self.file = path.open("a", encoding="utf-8", buffering=1)
    def on_step(self, record):
        self.file.write(json.dumps([record.step, record.loss]) + "\\n")

def train(directory, log):
    torch.manual_seed(0)
    model = create_model("transformer", vocab_size=30, d_model=16, num_layers=2,
                         num_heads=2, max_seq_len=12, dropout=0.1)
    tokens = torch.randint(30, (700,), generator=torch.Generator().manual_seed(1))
    config = TrainConfig(optimizer="muon", max_steps=60, checkpoint_interval=3)
    trainer = Trainer(model, WindowSampler(tokens, 12, 4, seed=3), config=config,
                      output_dir=directory, callbacks=[Log(log)])
    saved = sorted(
        (int(path.name.removeprefix("checkpoint_step_")), path)
        for path in directory.glob("checkpoint_step_*") if has_training_state(path)
    )
    trainer.train(resume_from_checkpoint=saved[-1][1] if saved else None)

def train_in_a_child(directory, log, seconds=0.0):
    child = os.fork()
    if child == 0:
        # Nobody handles the alarm, so it kills at once, wherever the child may be.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        train(directory, log)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

here, kills = Path(sys.argv[1]), 0
train(here / "warm", here / "warm.log")  # so that children find torch awake
began = time.perf_counter()
train_in_a_child(here / "whole", here / "whole.log")
seconds = time.perf_counter() - began
for part in range(5):
    share = random.uniform(0.1, 0.6)
    kills += train_in_a_child(here / "parts", here / f"{part}.log", share * seconds)
train_in_a_child(here / "parts", here / "5.log")
print(kills)
"""


def losses(log: Path) -> dict[int, float]:
    """Read the whole lines of a log that may have been torn."""
    if not log.exists():
        return {}
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return dict(json.loads(line) for line in lines if line.endswith("\n"))


@pytest.mark.timeout(180)
def test_a_training_killed_again_and_again_has_the_losses_of_one_left_alone(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", TRAIN_AND_KILL, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parent.parent.parent,
        timeout=150,
        check=True,
    )
    assert int(finished.stdout) > 0, "nothing was killed"
    whole = losses(tmp_path / "whole.log")
    assert sorted(whole) == list(range(1, 61))
    parts = [losses(tmp_path / f"{part}.log") for part in range(6)]
    for part in parts:
        assert all(whole[step] == loss for step, loss in part.items())
    assert set().union(*parts) == set(whole)
    begins = [min(part) for part in parts if part]
    assert begins == sorted(begins)
    assert len(set(begins)) > 1, "every part began anew"
