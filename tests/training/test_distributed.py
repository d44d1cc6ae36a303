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
from minigpt.errors import ConfigError
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

here, rank = Path(sys.argv[1]), os.environ.get("RANK", "0")
tokens = torch.randint(30, (700,), generator=torch.Generator().manual_seed(1))
rows = [(row[:-1], row[1:].clone()) for row in tokens[:650].view(50, 13)]
for number, (_, labels) in enumerate(rows):
    labels[number % 12 + 1 :] = -100  # each row has another number of labels

def learn(directory, how, begun=None, optimizer="adamw"):
    sources = {
        "sampler": (WindowSampler(tokens, 12, 6, seed=3), 1),
        "loader": (DataLoader(rows[:19], batch_size=6, shuffle=True), 3),
    }
    for name, (source, parts) in sources.items():
        torch.manual_seed(int(rank))  # the first process's weights must reach all
        model = create_model("transformer", vocab_size=30, d_model=16, num_layers=2,
                             num_heads=2, max_seq_len=12)
        config = TrainConfig(max_steps=20, eval_interval=4, accumulation_steps=parts,
                             optimizer=optimizer, shard=how == "parts")
        log = Log()
        trainer = Trainer(model, source, DataLoader(rows[20:], batch_size=7),
                          device="cpu", output_dir=directory / f"{name}-{rank}",
                          config=config, callbacks=[log])
        begin = begun and here / begun / f"{name}-0/checkpoint_step_9"
        result = trainer.train(resume_from_checkpoint=begin)
        (directory / f"{name}-{rank}.json").write_text(json.dumps(
            [log.losses, log.evaluations, result.reason, result.step,
             sum(float(p.detach().double().sum()) for p in model.parameters())]))

for name, *how in json.loads(sys.argv[2]):
    (here / name).mkdir(exist_ok=True)
    try:
        learn(here / name, *how)
    except ConfigError as error:
        (here / name / f"refused-{rank}.txt").write_text(str(error))
"""


ROOT = Path(__file__).parent.parent.parent


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Return a folder with what one process has learned, and two as copies and parts.

    Three starts do it all: a process takes longer to begin than for its trainings.
    """
    place = tmp_path_factory.mktemp("trainings")
    script = place / "train.py"
    script.write_text(TRAIN, encoding="utf-8")

    def run(*how: str, jobs: list) -> None:
        subprocess.run(
            [sys.executable, *how, str(script), str(place), json.dumps(jobs)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
            timeout=280,
        )

    two = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    run(jobs=[["one", "copies"]])
    together = [["copies", "copies"], ["parts", "parts"]]
    together += [["one_goes_on", "parts", "one"], ["muon", "parts", None, "muon"]]
    run(*two, jobs=together)
    run(jobs=[["parts_go_on", "parts", "parts"]])
    return place


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
def test_two_processes_have_the_losses_of_one_and_only_the_first_writes(place, how):
    one, two = place / "one", place / how
    for source in ("sampler", "loader"):
        alike(two / f"{source}-0.json", one / f"{source}-0.json")
        weights = read(one / f"{source}-0.json")[4]
        shared, silent = (read(two / f"{source}-{rank}.json") for rank in "01")
        assert silent[:2] == [[], []]
        assert shared[2:4] == silent[2:4] == ["stopped", 9]
        assert shared[4] == pytest.approx(weights, abs=1e-2)
        assert how == "parts" or silent[4] == shared[4]
        assert (two / f"{source}-0" / "checkpoint_step_9").is_dir()
        assert not (two / f"{source}-1").exists()


@pytest.mark.timeout(600)
def test_one_goes_on_from_parts_and_parts_go_on_from_one(place):
    for source in ("sampler", "loader"):
        found, expected = place / "one_goes_on", place / "parts_go_on"
        alike(found / f"{source}-0.json", expected / f"{source}-0.json")
        assert read(expected / f"{source}-0.json")[3] == 18


@pytest.mark.timeout(600)
def test_what_cannot_be_in_parts_is_refused_in_one_sentence(place):
    for rank in "01":
        said = (place / "muon" / f"refused-{rank}.txt").read_text(encoding="utf-8")
        assert said.startswith("shard is true, and Muon turns whole matrices")
    refused = {path.parent.name for path in place.glob("*/refused-*.txt")}
    assert refused == {"muon"}
