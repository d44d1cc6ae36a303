"""What must stay the same to the bit while the code is only moved about.

Each function below measures one thing and returns it as a flat dict of short hashes
and small numbers, by name. Two kinds:

- `EXACT` holds for every machine: token ids, written texts, batches, and the files of
  checkpoints whose weights are whole multiples of 1/256. Nothing in these files needs
  normalising: `save_checkpoint` writes no date, version or path of its own.
- `FLOATS` holds to the bit where the machine's arithmetic is the same (`arithmetic`),
  and as `Floats.rounded` to within 1e-4 everywhere else.

`unchanged_outputs.json` keeps what they returned. After a change that is *meant* to
change an output, remake it, read its diff and commit it with the change:

    PYTHONPATH=.:tests .venv/bin/python tests/outputs/unchanged_outputs.py
"""

import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from outputs.output_hashes import (
    MODELS,
    PROMPTS,
    ROOT,
    TEXTS,
    VARIANTS,
    Values,
    arithmetic,
    digest,
    exact,
    files,
    fresh,
    one_thread,
    shipped,
    sizes,
    trained,
)

import minigpt
from minigpt.checkpoint import TrainingState, halve_weights, save_checkpoint
from minigpt.config import GenerationConfig, LoraConfig, TrainConfig
from minigpt.datasets import WindowSampler, generate_tales
from minigpt.datasets.batches.lessons_first import LessonsFirst
from minigpt.datasets.batches.repeats import RepeatsFirst
from minigpt.datasets.repeated_words import WORDS, repeated_words
from minigpt.datasets.tales.instructions import instructions, preferences, questions
from minigpt.generation import Generator
from minigpt.model import create_model
from minigpt.tokenizers import WordTokenizer
from minigpt.training import Trainer, TrainerCallback

STORED = Path(__file__).with_suffix(".json")


class Floats(NamedTuple):
    """What depends on the last bits of the machine's arithmetic."""

    bits: Values
    rounded: list[float]
    """A few of the numbers, to compare where the last bits differ."""


# What holds for every machine.


def ids_of_shipped(name: str) -> Values:
    tokenizer = shipped(name).tokenizer
    ids = {kind: tokenizer.encode(text) for kind, text in TEXTS.items()}
    return {kind: f"{len(row)} ids {digest(row)}" for kind, row in ids.items()} | {
        f"{kind} pieces": digest(tokenizer.pieces(row)) for kind, row in ids.items()
    }


def ids_of_trained(kind: str) -> Values:
    tokenizer = trained(kind)
    found = {name: digest(tokenizer.encode(text)) for name, text in TEXTS.items()}
    back = tokenizer.decode(tokenizer.encode(TEXTS["code"]))
    return found | {"file": digest(tokenizer.to_dict()), "decoded": digest(back)}


def tales(split: str) -> Values:
    text = generate_tales(20_000, seed=7, split=split)
    written = {
        "instructions": instructions(7, split),
        "questions": questions(7, split),
        "preferences": preferences(7, split),
    }
    found = {name: digest(list(islice(many, 40))) for name, many in written.items()}
    return {"first words": text[:60], "text": digest(text), **found}


def batches() -> Values:
    tokenizer = trained("bpe")
    windows = WindowSampler(tokenizer.encode(generate_tales(9000, seed=3)), 64, 4, 5)
    repeats = RepeatsFirst(windows, 2, torch.arange(4, 40))
    lessons = LessonsFirst(repeats, tokenizer, steps=40, share=0.5)
    words = WordTokenizer()
    words.build_vocab(WORDS)
    sources = {
        "windows": windows, "repeats": repeats, "lessons": lessons,
        "repeated words": repeated_words(words, 126, 64, 4, seed=5),
    }  # fmt: skip
    return {
        f"{name} {part}": digest([digest(source.batch(s)[i]) for s in range(50)])
        for name, source in sources.items()
        for i, part in enumerate(("inputs", "labels"))
    }


def checkpoint_files(name: str) -> Values:
    """Save a model of exact weights, with all that a checkpoint can hold beside it."""
    model = fresh(name)
    if name == "positions rope":
        model = minigpt.add_lora(model, LoraConfig(rank=2, targets=("qkv", "mlp")))
    with torch.no_grad():
        for weight in model.state_dict().values():
            weight.copy_(exact(weight))
    first = next(iter(model.state_dict().values()))
    moments = {"step": torch.tensor(3.0), "exp_avg": exact(first)}
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 0.5, "params": [0]}]}
    state = TrainingState({"step": 3, "best_loss": 1.5}, optimizer, {"last_epoch": 3})
    save = partial(save_checkpoint, model=model, tokenizer=trained("bpe"), step=3)
    with TemporaryDirectory() as folder:
        whole = save(Path(folder, "whole"), provenance={"é": 1}, training_state=state)
        half = save(Path(folder, "half"))
        halve_weights(half)
        found = files(whole) | {f"half {k}": v for k, v in files(half).items()}
    shapes = {key: list(weight.shape) for key, weight in model.state_dict().items()}
    return {"names and shapes": digest(shapes), **found}


def exported_files() -> Values:
    found = {}
    for kind, settings in {
        "gpt2": {},
        "llama": VARIANTS["no bias"]
        | {"norm": "rmsnorm", "activation": "swiglu", "positional_encoding": "rope"},
    }.items():
        model = create_model("transformer", **sizes() | settings)
        with torch.no_grad():
            for weight in model.state_dict().values():
                weight.copy_(exact(weight))
        with TemporaryDirectory() as folder:
            to = Path(folder, "out")
            minigpt.export_pretrained(model, trained("bpe"), to)
            found |= {f"{kind} {name}": value for name, value in files(to).items()}
    return found


# What depends on the machine's arithmetic.


def logits_of_shipped(name: str) -> Floats:
    model, tokenizer, _ = shipped(name)
    tokens = torch.tensor([tokenizer.encode(PROMPTS[name])])
    with torch.inference_mode():
        logits = model(tokens)
        recorded, activations = model.run_with_cache(tokens)
    bits = {"logits": digest(logits), "recorded logits": digest(recorded)}
    bits |= {name: digest(activation) for name, activation in activations.items()}
    return Floats(bits, logits[0, -1, :8].tolist())


def text_of_shipped(name: str) -> Floats:
    model, tokenizer, _ = shipped(name)
    generator, prompt = Generator(model, tokenizer, device="cpu"), PROMPTS[name]
    drawn = generator.generate(prompt, GenerationConfig(max_new_tokens=30, seed=7))
    bits = {
        "greedy": generator.generate_greedy(prompt, 30),
        "sampled": drawn.full_text,
        "log probabilities": digest(drawn.log_probs),
        "beam": generator.generate_beam_search(prompt, 12, num_beams=3),
    }
    if name == "tales-chat":
        asked = islice(questions(5, "held_out"), 3)
        bits["replies"] = [minigpt.reply(model, tokenizer, q.prompt) for q in asked]
    return Floats(bits, [])


def fresh_model(name: str) -> Floats:
    model = fresh(name)
    tokens = (torch.arange(24).view(2, 12) * 7) % 50
    with torch.inference_mode():
        logits, activations = model.run_with_cache(tokens)
        fused = model(tokens)
        cache = model.new_cache(batch_size=2)
        parts = [model(part, cache) for part in tokens.split([5, 1, 6], dim=1)]
    weights = {key: digest(weight) for key, weight in model.state_dict().items()}
    whole = {key: digest(activation) for key, activation in activations.items()}
    bits = {
        "weights": digest(weights),
        "activations": digest(whole),
        "recorded logits": digest(logits),
        "logits": digest(fused),
        "logits with a cache": digest(torch.cat(parts, dim=1)),
    }
    return Floats(bits, fused[0, -1, :8].tolist())


def training(optimizer: str) -> Floats:
    """Train ten steps, with dropout, validation and a checkpoint to resume from."""
    tokens = trained("bpe").encode(generate_tales(9000, seed=3))
    torch.manual_seed(1)
    model = create_model("transformer", **sizes() | {"dropout": 0.1})
    config = TrainConfig(
        optimizer=optimizer, accumulation_steps=2, seed=11, device="cpu"
    )
    seen = Losses()
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model, WindowSampler(tokens, 16, 8, seed=11), output_dir=folder,
            config=config, tokenizer=trained("bpe"), callbacks=[seen],
        )  # fmt: skip
        found = files(trainer.train(max_steps=10).checkpoint)
    return Floats({"losses": digest(seen.losses), **found}, seen.losses)


class Losses(TrainerCallback):
    """Keeps the loss of every step."""

    reports = True

    def __init__(self):
        self.losses = []

    def on_step(self, record):
        self.losses.append(record.loss)


def _each(measure: Callable[[str], Any], names: Iterable[str]) -> dict[str, Any]:
    label = measure.__name__.replace("_", " ")
    return {f"{label}: {name}": partial(measure, name) for name in names}


EXACT: dict[str, Callable[[], Values]] = {
    **_each(ids_of_shipped, MODELS),
    **_each(ids_of_trained, ("char", "word", "bpe")),
    **_each(tales, ("train", "held_out", "new")),
    **_each(checkpoint_files, VARIANTS),
    "batches": batches,
    "exported files": exported_files,
}
FLOATS: dict[str, Callable[[], Floats]] = {
    **_each(logits_of_shipped, MODELS),
    **_each(text_of_shipped, MODELS),
    **_each(fresh_model, VARIANTS),
    **_each(training, ("adamw", "muon")),
}


def measure_all() -> dict[str, Any]:
    with one_thread():
        return {
            "arithmetic": arithmetic(),
            "exact": {name: measure() for name, measure in EXACT.items()},
            "floats": {name: measure()._asdict() for name, measure in FLOATS.items()},
        }


if __name__ == "__main__":
    if not Path(minigpt.__file__).is_relative_to(ROOT):
        sys.exit(f"This would measure {minigpt.__file__}: set PYTHONPATH=.:tests")
    text = json.dumps(measure_all(), indent=1, ensure_ascii=False) + "\n"
    STORED.write_text(text, encoding="utf-8")
