"""From a fine-tuning's configuration to everything a trainer needs.

Base → chat tokens → examples → adapter or not → objective. The base is loaded each
time, also to resume: an adapter is stored without it, and preferences are measured
against it. So it must still be the base that the run started from.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.config import FinetuneConfig, RunConfig
from minigpt.datasets.batches.examples import collate_fn
from minigpt.datasets.conversation_files import (
    read_conversations,
    read_preferences,
)
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import instructions, preferences
from minigpt.datasets.tales.words import Split
from minigpt.errors import DataError, RunError
from minigpt.finetuning.adapters import adapted
from minigpt.finetuning.chat import fingerprint, ready_to_chat
from minigpt.finetuning.fitting import leave_out_long
from minigpt.finetuning.preferences import (
    DirectPreference,
    PreferenceDataset,
    collate_pairs,
)
from minigpt.finetuning.supervised import ExampleSampler, SupervisedDataset, fits
from minigpt.model import LanguageModel
from minigpt.preparation.prepared import Prepared, installed_version
from minigpt.preparation.sources import RunSource
from minigpt.runs.checkpoints import checkpoint_step
from minigpt.tokenizers import Tokenizer, load_tokenizer
from minigpt.training.loss import IGNORED
from minigpt.training.objective import Objective

PROBE_TOKENS = 64
"""Snapshots show the end of a conversation, where the answer is."""

_SEED = 0
HELD_OUT = 200
"""Number of validation examples from tales."""

Item = TypeVar("Item")


class Task(NamedTuple):
    """What a fine-tuning method makes of a base and examples."""

    source: RunSource
    objective: Objective | None
    """What to minimise (none: the next token's loss)."""
    sha256: str
    """Hash of the examples."""


def assemble_finetuning(
    config: RunConfig, output_dir: Path, checkpoint: Path | None, command: str = ""
) -> Prepared:
    """Load the base, read the examples, and add an adapter if one is configured.

    Args:
        config: Everything that determines the run.
        output_dir: Where checkpoints will go.
        checkpoint: Where to resume, if anywhere.
        command: What the user typed, for the provenance.

    Raises:
        MinigptError: If the base, the examples or the settings are not usable.
    """
    finetune, train = _settings(config), config.train
    plain = load_checkpoint(finetune.base)
    base = ready_to_chat(plain)
    config = _with_base(config, base, fingerprint(plain.model))
    if checkpoint is not None:
        _require_same_tokenizer(finetune.base, base.tokenizer, checkpoint)
    model = base.model.train().requires_grad_(True)
    torch.manual_seed(train.seed)  # an adapter begins with random numbers
    if finetune.lora is not None:
        model = adapted(model, finetune.lora)
    build = _supervised if finetune.method == "sft" else _preferences
    task = build(config, model, base.tokenizer)
    steps_per_epoch = task.source.sampler.steps_per_epoch
    return Prepared(
        config=config,
        text_sha256=task.sha256,
        tokenizer=base.tokenizer,
        model=model,
        source=task.source,
        checkpoint=checkpoint,
        start_step=0 if checkpoint is None else checkpoint_step(checkpoint) or 0,
        total_steps=train.max_steps or train.num_epochs * steps_per_epoch,
        output_dir=output_dir,
        provenance=_provenance(config, plain, command) | learned_from(task.source),
        objective=task.objective,
    )


def read_or_write(
    finetune: FinetuneConfig,
    read: Callable[[str], list[Item]],
    written: Callable[[Split], Iterator[Item]],
    held_out: int = HELD_OUT,
) -> tuple[list[Item], list[Item]]:
    """Return the training examples and the validation examples.

    Args:
        finetune: Whether they come from a file or from tales.
        read: Reads a file.
        written: Generates examples from a split of tales.
        held_out: How many of tales to validate on.

    Raises:
        DataError: If a file is wrong, or too short to hold something out.
    """
    if not finetune.is_own_file:
        train = list(islice(written("train"), finetune.tales_examples))
        return train, list(islice(written("held_out"), held_out))
    return divided(finetune, read(finetune.examples))


class OwnFile(NamedTuple):
    """The conversations of a file of one's own, as a fine-tuning divides them."""

    learned: list[Conversation]
    held_out: list[Conversation]


def own_conversations(
    finetune: FinetuneConfig, tokenizer: Tokenizer, max_length: int
) -> OwnFile:
    """Read the file that a fine-tuning learned answers from, without what is too long.

    Args:
        finetune: Names the file.
        tokenizer: The model's, with chat tokens.
        max_length: The model's window, in tokens.

    Raises:
        DataError: If it is gone, or not what it was.
    """
    parts = divided(finetune, read_conversations(finetune.examples))
    return OwnFile(
        *(leave_out_long(each, tokenizer, max_length).kept for each in parts)
    )


def divided(
    finetune: FinetuneConfig, found: list[Item]
) -> tuple[list[Item], list[Item]]:
    """Divide a file's examples into those to learn and the last, which are held out.

    Raises:
        DataError: If there are too few to hold something out.
    """
    number = max(1, round(len(found) * finetune.validation_fraction))
    if number >= len(found):
        raise DataError(
            f"{finetune.examples} holds {len(found)} example: at least 2 are needed, "
            "one to learn from and one to hold out."
        )
    return found[:-number], found[-number:]


def _supervised(config: RunConfig, model: LanguageModel, tokenizer: Tokenizer) -> Task:
    """Prepare supervised fine-tuning on correct answers."""
    finetune, window = _settings(config), model.config.max_seq_len
    is_short = fits(tokenizer, window)
    train, held_out = read_or_write(
        finetune,
        read_conversations,
        lambda split: instructions(_SEED, split, is_short),
    )
    if finetune.is_own_file:
        train = leave_out_long(train, tokenizer, window).kept
        held_out = leave_out_long(held_out, tokenizer, window).kept
    examples = SupervisedDataset(train, tokenizer, window, finetune.packed)
    validation = SupervisedDataset(held_out, tokenizer, window)
    sampler = ExampleSampler(
        examples, config.train.batch_size, config.train.seed, collate_fn
    )
    probe = validation[0]["input_ids"][-PROBE_TOKENS:]
    source = RunSource(sampler, validation, probe, prompt=held_out[0].prompt)
    return Task(source, None, _sha256(train, held_out))


def _preferences(config: RunConfig, model: LanguageModel, tokenizer: Tokenizer) -> Task:
    """Prepare preference training: which of two answers is better."""
    finetune, window = _settings(config), model.config.max_seq_len
    is_short = fits(tokenizer, window)
    train, held_out = read_or_write(
        finetune,
        read_preferences,
        lambda split: preferences(_SEED, split, is_short),
    )
    if finetune.is_own_file:
        train = leave_out_long(train, tokenizer, window).kept
        held_out = leave_out_long(held_out, tokenizer, window).kept
    pairs = PreferenceDataset(train, tokenizer, window)
    validation = PreferenceDataset(held_out, tokenizer, window)
    sampler = ExampleSampler(
        pairs, config.train.batch_size, config.train.seed, collate_pairs
    )
    probe = validation[0].chosen["input_ids"][-PROBE_TOKENS:]
    source = RunSource(
        sampler, validation, probe, collate=collate_pairs, prompt=held_out[0].prompt
    )
    objective = DirectPreference(model, finetune.beta)
    return Task(source, objective, _sha256(train, held_out))


def _sha256(*examples: object) -> str:
    return hashlib.sha256(repr(examples).encode()).hexdigest()


def _settings(config: RunConfig) -> FinetuneConfig:
    if config.finetune is None:
        raise RunError("This run is not a fine-tuning run: it has no base.")
    return config.finetune


def _with_base(config: RunConfig, base: Checkpoint, sha256: str) -> RunConfig:
    """Add the base's sizes and a hash of its weights to the configuration.

    Raises:
        RunError: If it is not the base that the run started from.
    """
    finetune = _settings(config)
    if finetune.base_sha256 not in (None, sha256):
        raise RunError(
            f"The base {finetune.base} has other weights than when the run began, so "
            "it cannot be resumed on it: restore the base, or start a new run."
        )
    kind = base.metadata.model_type
    key = "mlp" if kind == "mlp" else "transformer"
    return config.replace(
        model_type=kind,
        finetune=finetune.replace(base_sha256=sha256).to_dict(),
        tokenizer={"kind": base.tokenizer.kind},
        **{key: base.model.config.to_dict()},
    )


def learned_from(source: RunSource) -> dict[str, int]:
    """Count what one pass over the examples teaches, so that a step tells how much.

    Returns:
        `tokens_per_pass`: the tokens of the answers, which the loss counts (of a pair,
        both answers'); `steps_per_pass`.
    """
    steps = source.sampler.steps_per_epoch
    labels = (source.sampler.batch(step)[1] for step in range(steps))
    return {
        "tokens_per_pass": sum(int((each != IGNORED).sum()) for each in labels),
        "steps_per_pass": steps,
    }


def _require_same_tokenizer(base: str, tokenizer: Tokenizer, checkpoint: Path) -> None:
    if load_tokenizer(checkpoint).to_dict() != tokenizer.to_dict():
        raise RunError(
            f"The base {base} has another tokenizer than {checkpoint}: restore the "
            "base's tokenizer.json, or start a new run."
        )


def _provenance(config: RunConfig, base: Checkpoint, command: str) -> dict[str, Any]:
    """Describe a checkpoint's origin: most of its training text is still the base's."""
    known = {k: v for k, v in base.metadata.provenance.items() if k == "data"}
    return {
        **known,
        "command": command,
        "minigpt": installed_version(),
        "finetune": _settings(config).to_dict(),
        "base_step": base.metadata.step,
        "base_command": base.metadata.provenance.get("command", ""),
        "train": config.train.to_dict(),
    }
