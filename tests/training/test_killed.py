"""A training killed at any moment and resumed equals one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import json, sys
from pathlib import Path
import torch
from minigpt.checkpoint import has_training_state
from minigpt.config import TrainConfig
from minigpt.datasets.windows import WindowSampler
from minigpt.model import create_model
from minigpt.training import Trainer, TrainerCallback

class Log(TrainerCallback):
    reports = True
    def on_step(self, record):
        print(json.dumps([record.step, record.loss]), flush=True)

directory = Path(sys.argv[1])
torch.manual_seed(0)
model = create_model("transformer", vocab_size=30, d_model=16, num_layers=2,
                     num_heads=2, max_seq_len=12, dropout=0.1)
tokens = torch.randint(30, (700,), generator=torch.Generator().manual_seed(1))
config = TrainConfig(optimizer="muon", max_steps=60, checkpoint_interval=3)
trainer = Trainer(model, WindowSampler(tokens, 12, 4, seed=3), config=config,
                  output_dir=directory, callbacks=[Log()])
saved = sorted(
    (int(path.name.removeprefix("checkpoint_step_")), path)
    for path in directory.glob("checkpoint_step_*") if has_training_state(path)
)
trainer.train(resume_from_checkpoint=saved[-1][1] if saved else None)
"""


def train(directory: Path, kill_after: int | None = None) -> dict[int, float]:
    """Train in a process of its own, perhaps killed soon after some line it wrote."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parent.parent.parent,
    )
    losses = {}
    for number, line in enumerate(process.stdout):
        if number == kill_after:
            os.kill(process.pid, signal.SIGKILL)
        if line.endswith("\n"):
            step, loss = json.loads(line)
            losses[step] = loss
    code = process.wait()
    assert code == (0 if kill_after is None else -signal.SIGKILL)
    return losses


@pytest.mark.timeout(120)
def test_a_training_killed_twice_has_the_losses_of_one_never_interrupted(tmp_path):
    whole = train(tmp_path / "whole")
    assert sorted(whole) == list(range(1, 61))
    moments = random.Random()
    begun = train(tmp_path / "parts", kill_after=moments.randrange(2, 30))
    again = train(tmp_path / "parts", kill_after=moments.randrange(2, 15))
    ended = train(tmp_path / "parts")
    assert min(ended) > 1, "the last part began anew"
    assert begun | again | ended == whole
    for part in (begun, again, ended):
        assert all(whole[step] == loss for step, loss in part.items())
