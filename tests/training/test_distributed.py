"""Two processes learn what one would have learned, as copies and as parts of it."""

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
    config = TrainConfig(max_steps=20, eval_interval=4, accumulation_steps=parts,
                         shard=sys.argv[2] == "parts")
    log = Log()
    trainer = Trainer(model, source, DataLoader(rows[20:], batch_size=7), device="cpu",
                      output_dir=directory / f"{name}-{rank}", config=config,
                      callbacks=[log])
    begun = f"{name}-0/checkpoint_step_9"
    begun = None if len(sys.argv) == 3 else Path(sys.argv[3], begun)
    result = trainer.train(resume_from_checkpoint=begun)
    (directory / f"{name}-{rank}.json").write_text(json.dumps(
        [log.losses, log.evaluations, result.reason, result.step,
         sum(float(p.detach().double().sum()) for p in model.parameters())]))
"""


ROOT = Path(__file__).parent.parent.parent


def run(*command: str) -> None:
    subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        timeout=280,
    )


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


ALONE = (sys.executable,)
TOGETHER = (
    *(sys.executable, "-m", "torch.distributed.run"),
    *("--standalone", "--nproc_per_node=2"),
)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "train.py"
    path.write_text(TRAIN, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def one(script, tmp_path_factory):
    directory = tmp_path_factory.mktemp("one")
    run(*ALONE, script, str(directory), "copies")
    return directory


def alike(found: Path, expected: Path) -> None:
    """Compare two trainings step by step."""
    losses, evaluations, *end, _ = read(expected)
    assert len(losses) == 9
    for alone, together in zip(losses, read(found)[0], strict=True):
        assert together == pytest.approx(alone, abs=1e-5)
    assert read(found)[1] == pytest.approx(evaluations, abs=1e-5)
    assert read(found)[2:4] == end


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["copies", "parts"])
def test_two_processes_have_the_losses_of_one_and_only_the_first_writes(
    one, script, tmp_path, how
):
    run(*TOGETHER, script, str(tmp_path), how)
    for source in ("sampler", "loader"):
        alike(tmp_path / f"{source}-0.json", one / f"{source}-0.json")
        weights = read(one / f"{source}-0.json")[4]
        shared, silent = (read(tmp_path / f"{source}-{rank}.json") for rank in "01")
        assert silent[:2] == [[], []]
        assert shared[2:4] == silent[2:4] == ["stopped", 9]
        assert shared[4] == pytest.approx(weights, abs=1e-2)
        assert how == "parts" or silent[4] == shared[4]
        assert (tmp_path / f"{source}-0" / "checkpoint_step_9").is_dir()
        assert not (tmp_path / f"{source}-1").exists()
    if how == "parts":
        goes_on_either_way(one, tmp_path, script)


def goes_on_either_way(one: Path, two: Path, script: str) -> None:
    """Go on alone from what two have saved in parts, and in parts from what one has."""
    for place in (one, two):
        (place / "on").mkdir()
    run(*ALONE, script, str(two / "on"), "parts", str(two))
    run(*TOGETHER, script, str(one / "on"), "parts", str(one))
    for source in ("sampler", "loader"):
        alike(one / "on" / f"{source}-0.json", two / "on" / f"{source}-0.json")
        assert read(two / "on" / f"{source}-0.json")[3] == 18


@pytest.mark.timeout(600)
def test_what_cannot_be_in_parts_is_refused_in_one_sentence(script, tmp_path):
    muon = Path(script).with_name("muon.py")
    muon.write_text(TRAIN.replace("shard=", 'optimizer="muon", shard='), "utf-8")
    done = subprocess.run(
        [*TOGETHER, str(muon), str(tmp_path), "parts"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert "ConfigError: shard is true, and Muon turns whole matrices" in done.stderr
