"""Two processes learn what one would have learned."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import json, os, sys
from pathlib import Path
import torch
from torch.utils.data import DataLoader
from minigpt.config import TrainConfig
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.model import create_model
from minigpt.training import Trainer, TrainerCallback

class Log(TrainerCallback):
    reports = True
    def __init__(self):
        self.losses, self.evaluations = [], []
    def on_step(self, record):
        self.losses.append((record.loss, record.gradient_norm, record.tokens_seen))
    def on_evaluation(self, record):
        self.evaluations.append(record.loss)
    def should_stop(self):
        return len(self.losses) == 9

directory, rank = Path(sys.argv[1]), os.environ.get("RANK", "0")
tokens = torch.randint(30, (700,), generator=torch.Generator().manual_seed(1))
rows = [(row[:-1], row[1:].clone()) for row in tokens[:650].view(50, 13)]
for number, (_, labels) in enumerate(rows):
    labels[number % 12 + 1 :] = -100  # each row has another number of labels
sources = {
    "sampler": (WindowSampler(tokens, 12, 6, seed=3), 1),
    "loader": (DataLoader(rows[:19], batch_size=6, shuffle=True), 3),
}
for name, (source, parts) in sources.items():
    torch.manual_seed(int(rank))  # the first process's weights must reach all
    model = create_model("transformer", vocab_size=30, d_model=16, num_layers=2,
                         num_heads=2, max_seq_len=12)
    config = TrainConfig(max_steps=20, eval_interval=4, accumulation_steps=parts)
    log = Log()
    trainer = Trainer(model, source, DataLoader(rows[20:], batch_size=7), device="cpu",
                      output_dir=directory / f"{name}-{rank}", config=config,
                      callbacks=[log])
    result = trainer.train()
    (directory / f"{name}-{rank}.json").write_text(json.dumps(
        [log.losses, log.evaluations, result.reason, result.step,
         sum(float(p.double().sum()) for p in model.parameters())]))
"""


ROOT = Path(__file__).parent.parent.parent


def run(*command: str) -> None:
    subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        timeout=120,
    )


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.timeout(180)
def test_two_processes_have_the_losses_of_one_and_only_the_first_writes(tmp_path):
    script, one, two = tmp_path / "train.py", tmp_path / "one", tmp_path / "two"
    script.write_text(TRAIN, encoding="utf-8")
    one.mkdir()
    two.mkdir()
    run(sys.executable, str(script), str(one))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    run(sys.executable, *torchrun, str(script), str(two))
    for source in ("sampler", "loader"):
        losses, evaluations, reason, step, weights = read(one / f"{source}-0.json")
        shared = read(two / f"{source}-0.json")
        silent = read(two / f"{source}-1.json")
        assert len(losses) == len(shared[0]) == 9
        for alone, together in zip(losses, shared[0], strict=True):
            assert together == pytest.approx(alone, abs=1e-5)
        assert shared[1] == pytest.approx(evaluations, abs=1e-5)
        assert shared[2:4] == silent[2:4] == [reason, step] == ["stopped", 9]
        assert silent[:2] == [[], []]
        assert shared[4] == silent[4] == pytest.approx(weights, abs=1e-2)
        assert (two / f"{source}-0" / "checkpoint_step_9").is_dir()
        assert not (two / f"{source}-1").exists()
