"""Runs as their directories keep them: journals whose every number is another."""

import json
import math
from pathlib import Path

import numpy as np

from minigpt.checkpoint import save_checkpoint
from minigpt.config import (
    FinetuneConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
    get_recipe,
)
from minigpt.datasets.tales.story import generate_tales
from minigpt.model import create_model
from minigpt.model.sizes import num_parameters
from minigpt.runs import RunStore
from minigpt.runs.status import RunStatus, write_status
from minigpt.tokenizers.storage import build_tokenizer
from minigpt.worker.series import shared_config, sized
from minigpt.worker.worker import train_run

TEXT, REPEATS = "text", "repeats"
FIRST, SECOND = "default", "gpt2"
"""The two of a race, named by their recipes as the page names them."""

SIZES = {"sized-8": 8, "sized-12": 12, "sized-16": 16, "sized-24": 24, "sized-32": 32}
"""The runs of a series by their width, smallest first; the last was predicted."""
PREDICTED = 0.871

OWN = [
    {"instruction": "Who had the kite?", "output": "Mia."},
    {"instruction": "Who had the old drum?", "output": "Tom had it."},
    {"instruction": "Who had the little boat?", "output": "Ana had the boat."},
]
"""Examples of one's own; the first is the shortest, the last is held out."""


def make_runs(data: Path) -> Path:
    """Fill `data/runs` with a text, a run that learned to copy, and a race."""
    store = RunStore(data / "runs")
    _write(
        store.create(RunConfig(), TEXT).path,
        [{"kind": "step", "step": 9, "loss": 1.45, "average_loss": 1.4}],
        train_loss=1.41, validation_loss=2.13, unigram_loss=3.27, bigram_loss=2.46,
    )  # fmt: skip
    _write_copying(store)
    for lane, (name, tokens, seconds) in enumerate(
        ((FIRST, 640, 0.31), (SECOND, 512, 0.27))
    ):
        run = store.create(get_recipe(name), name)
        ticket = {"race": "guard", "lane": lane}
        (run.path / "race.json").write_text(json.dumps(ticket), encoding="utf-8")
        losses = [4.1 - (0.031 + 0.007 * lane) * step for step in range(60)]
        steps = [
            {
                "kind": "step",
                "step": step,
                "loss": loss + 0.01 * math.sin(step),
                "average_loss": loss,
                "elapsed_seconds": seconds * (step + 1),
                "tokens_seen": tokens * (step + 1),
            }
            for step, loss in enumerate(losses)
        ]
        looks = [
            {
                "kind": "evaluation",
                "step": step,
                "loss": losses[step] + 0.113,
                "elapsed_seconds": seconds * (step + 1),
            }
            for step in (10, 35, 59)
        ]
        _write(run.path, [*steps, *looks], step=60, total_steps=60)
    _write_sizes(store)
    return data


def _write_sizes(store: RunStore) -> None:
    """Write the journals of five sizes whose losses are about on a line."""
    shared = shared_config(RunConfig().data)
    for place, (name, width) in enumerate(SIZES.items()):
        config = sized(shared, width)
        weights = num_parameters(config.transformer.replace(vocab_size=60))
        loss = 14.3 * weights**-0.23 + 0.013 * (-1) ** place
        steps = [
            {
                "kind": "step",
                "step": step,
                "loss": loss * 1.1 + 3 / step,
                "average_loss": loss * 1.1 + 3 / step,
                "elapsed_seconds": 0.1 * step,
                "tokens_seen": 1024 * step,
            }
            for step in range(1, 30)
        ]
        look = {"kind": "evaluation", "step": 29, "loss": loss, "elapsed_seconds": 2.9}
        run = store.create(config, name)
        ticket = {"series": "guard", "place": place}
        (run.path / "series.json").write_text(json.dumps(ticket), encoding="utf-8")
        if not place:
            guess = json.dumps({"loss": PREDICTED})
            (run.path / "guess.json").write_text(guess, encoding="utf-8")
        _write(
            run.path, [*steps, look], step=29, total_steps=29, num_parameters=weights
        )


def _write(path: Path, records: list[dict[str, object]], **status: object) -> None:
    lines = "\n".join(map(json.dumps, records))
    (path / "metrics.jsonl").write_text(lines + "\n", encoding="utf-8")
    known = {"step": 9, "total_steps": 9, "vocab_size": 60, **status}
    uniform = math.log(known["vocab_size"])
    write_status(path, RunStatus(state="finished", uniform_loss=uniform, **known))


def _write_copying(store: RunStore) -> None:
    """Write the journal of a run in which copying came between steps 30 and 70."""
    run = store.create(get_recipe("induction-live"), REPEATS)
    steps = list(range(0, 110, 10))
    records = []
    for step in steps:
        share = 1 / (1 + math.exp(-(step - 47) / 6))
        records.append(
            {
                "kind": "repetition",
                "step": step,
                "first_loss": 4.31 + 0.53 * share + 0.001 * step,
                "second_loss": 4.37 - 3.9 * share,
                "induction": 0.031 + 0.88 * share,
                "previous_token": 0.052 + 0.79 * share,
            }
        )
    _write(run.path, records, step=100, total_steps=100, vocab_size=70)
    snapshots, rng = run.snapshots(), np.random.default_rng(0)
    snapshots.write_probe(list("abcabc"), [1, 2, 3, 1, 2, 3])
    for step in steps:
        weights = np.tril(rng.random((2, 2, 6, 6)))
        snapshots.save(step, weights / weights.sum(-1, keepdims=True))


def make_tuning(data: Path) -> Path:
    """Fill a data directory with a base `plain`, and `answers` tuned from it."""
    text = generate_tales(20_000)
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), text)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=320,
    )
    base = save_checkpoint(data / "models" / "plain", model, tokenizer, step=3)
    own = data / "own.jsonl"
    own.write_text("\n".join(map(json.dumps, OWN)), encoding="utf-8")
    finetune = FinetuneConfig(base=str(base), examples=str(own))
    train = TrainConfig(
        learning_rate=0.02,
        max_steps=6,
        batch_size=2,
        eval_interval=3,
        num_threads=1,
        checkpoint_steps=(0,),
    )
    config = RunConfig(finetune=finetune, train=train)
    train_run(RunStore(data / "runs").create(config, "answers"))
    return data
