"""From a run's configuration to everything a trainer needs.

Text → tokenizer → tokens → model; for a resumed run the tokenizer comes from the
checkpoint, and the text must still be the one the run began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset

from minigpt.checkpoint import has_training_state
from minigpt.config import RunConfig
from minigpt.datasets.corpus import Corpus, prepare_corpus
from minigpt.errors import RunError
from minigpt.model import LanguageModel, create_model
from minigpt.runs.baselines import count_baselines
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.sources import Source, build_source
from minigpt.runs.store import Run, checkpoint_step
from minigpt.tokenizers import Tokenizer, load_tokenizer
from minigpt.training.callbacks import TrainerCallback
from minigpt.training.trainer import Trainer

_MIN_EVAL_BATCH = 32


@dataclass(frozen=True)
class Prepared:
    """All that is needed to train."""

    config: RunConfig
    corpus: Corpus
    tokenizer: Tokenizer
    model: LanguageModel
    source: Source
    checkpoint: Path | None
    """Where to resume, if anywhere."""
    start_step: int
    total_steps: int
    output_dir: Path
    provenance: dict[str, Any]

    def build_trainer(self, callbacks: Sequence[TrainerCallback]) -> Trainer:
        """Put the trainer together."""
        train, held_out = self.config.train, self.source.held_out
        # Shuffled once, so that an interim look at the first batches is a fair sample.
        random = torch.Generator().manual_seed(train.seed)
        order = torch.randperm(len(held_out), generator=random).tolist()
        batch_size = max(train.batch_size, _MIN_EVAL_BATCH)
        return Trainer(
            self.model,
            self.source.sampler,
            DataLoader(Subset(held_out, order), batch_size=batch_size),
            output_dir=self.output_dir,
            config=train,
            tokenizer=self.tokenizer,
            callbacks=callbacks,
            provenance=self.provenance,
        )


def prepare(run: Run, resume: bool, heartbeat: Heartbeat, command: str) -> Prepared:
    """Read the text, build tokenizer and model, and write down what is known of them.

    Args:
        run: The run.
        resume: Whether to go on from its newest checkpoint.
        heartbeat: Told of each stage.
        command: What the user typed, for the provenance.

    Raises:
        MinigptError: If the text, the settings or the machine do not allow it.
    """
    config = run.config
    heartbeat.update(activity="reading the text")
    checkpoint = newest_resumable(run) if resume else None
    prepared = assemble(config, run.path / "checkpoints", checkpoint, command)
    _check_same_text(heartbeat, prepared)
    run.write_config(prepared.config)
    vocab_size = prepared.model.config.vocab_size
    baselines = count_baselines(
        np.asarray(prepared.corpus.train_tokens),
        np.asarray(prepared.corpus.validation_tokens),
        vocab_size,
    )
    heartbeat.update(
        step=prepared.start_step,
        total_steps=prepared.total_steps,
        vocab_size=vocab_size,
        num_parameters=sum(p.numel() for p in prepared.model.parameters()),
        uniform_loss=baselines.uniform,
        unigram_loss=baselines.unigram,
        bigram_loss=baselines.bigram,
        text_sha256=prepared.corpus.sha256,
    )
    return prepared


def assemble(
    config: RunConfig, output_dir: Path, checkpoint: Path | None, command: str = ""
) -> Prepared:
    """Build corpus, tokenizer and model, without touching the run's directory.

    Args:
        config: Everything that determines the run.
        output_dir: Where checkpoints will go.
        checkpoint: Where to resume, if anywhere.
        command: What the user typed, for the provenance.
    """
    tokenizer = None
    if checkpoint is not None:
        tokenizer = load_tokenizer(checkpoint / "tokenizer.json")
    corpus, tokenizer = prepare_corpus(
        config.data, tokenizer, config.tokenizer, config.model.max_seq_len
    )
    config = _with_vocabulary(config, tokenizer.vocab_size)
    torch.manual_seed(config.train.seed)
    model = create_model(config.model_type, **config.model.to_dict())
    train = config.train
    source = build_source(config, corpus, tokenizer)
    steps_per_epoch = source.sampler.steps_per_epoch
    return Prepared(
        config=config,
        corpus=corpus,
        tokenizer=tokenizer,
        model=model,
        source=source,
        checkpoint=checkpoint,
        start_step=0 if checkpoint is None else checkpoint_step(checkpoint) or 0,
        total_steps=train.max_steps or train.num_epochs * steps_per_epoch,
        output_dir=output_dir,
        provenance=_provenance(config, corpus, command),
    )


def newest_resumable(run: Run) -> Path | None:
    """The newest checkpoint that training can go on from; None if there is none."""
    for saved in reversed(run.checkpoints()):
        if has_training_state(saved.path):
            return saved.path
    return None


def _with_vocabulary(config: RunConfig, vocab_size: int) -> RunConfig:
    key = "mlp" if config.model_type == "mlp" else "transformer"
    return config.replace(
        **{key: config.model.replace(vocab_size=vocab_size).to_dict()}
    )


def _check_same_text(heartbeat: Heartbeat, prepared: Prepared) -> None:
    before = heartbeat.status.text_sha256
    if prepared.checkpoint is None or before in (None, prepared.corpus.sha256):
        return
    raise RunError(
        f"{prepared.config.data.source} has changed since the run began, so it cannot "
        "be resumed on it: restore the text, or start a new run."
    )


def _provenance(config: RunConfig, corpus: Corpus, command: str) -> dict[str, Any]:
    """Say where a checkpoint comes from, well enough to make it again."""
    return {
        "command": command,
        "minigpt": _version(),
        "recipe": config.recipe,
        "data": config.data.to_dict(),
        "text_sha256": corpus.sha256,
        "text_characters": corpus.num_characters,
        "tokens_per_step": config.train.batch_size * config.model.max_seq_len,
        "train": config.train.to_dict(),
    }


def _version() -> str:
    try:
        return version("minigpt")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "source"
