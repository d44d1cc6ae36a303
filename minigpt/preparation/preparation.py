"""From a run's configuration to everything a trainer needs.

Text → tokenizer → tokens → model; a resumed run takes the tokenizer from its
checkpoint, and its text must not have changed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from minigpt.config import DataConfig, RunConfig
from minigpt.datasets.corpus import Corpus, is_large, prepare_corpus
from minigpt.datasets.files.text_file import Tell, tell_nobody
from minigpt.errors import RunError
from minigpt.model import create_model
from minigpt.preparation.baselines import count_baselines
from minigpt.preparation.finetuning import assemble_finetuning
from minigpt.preparation.large_texts import prepare_large_text
from minigpt.preparation.prepared import Prepared, installed_version
from minigpt.preparation.resuming import go_back, newest_resumable, words_if_skipped
from minigpt.preparation.sources import build_source
from minigpt.runs.checkpoints import FromStep, checkpoint_step
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.store import Run
from minigpt.storage.own_text import text_for
from minigpt.tokenizers import load_tokenizer


def prepare(
    run: Run,
    resume: bool | FromStep,
    heartbeat: Heartbeat,
    command: str,
    tell: Tell = tell_nobody,
) -> Prepared:
    """Read the text, build tokenizer and model, and record their properties.

    Args:
        run: The run.
        resume: Whether to continue from its newest checkpoint, or from which.
        heartbeat: Records them in the run's status.
        command: What the user typed, for the provenance.
        tell: Receives each stage and its progress.

    Raises:
        MinigptError: If the text, the settings or the machine are not suitable.
    """
    config = run.config
    from_step = resume.step if isinstance(resume, FromStep) else None
    checkpoint = newest_resumable(run, from_step) if resume else None
    heartbeat.update(note=words_if_skipped(run, checkpoint, from_step))
    source = text_for(run.path, config.data.source)
    here = config.replace(data=config.data.replace(source=source).to_dict())
    prepared = assemble(here, run.path / "checkpoints", checkpoint, command, tell)
    if here != config:
        prepared = _named(prepared, config.data)
    _check_same_text(heartbeat, prepared)
    if from_step is not None and checkpoint is not None:
        go_back(run, prepared.start_step, heartbeat)
    run.write_config(prepared.config)
    vocab_size = prepared.model.config.vocab_size
    heartbeat.update(
        step=prepared.start_step,
        total_steps=prepared.total_steps,
        vocab_size=vocab_size,
        num_parameters=sum(p.numel() for p in prepared.model.parameters()),
        text_sha256=prepared.text_sha256,
    )
    if prepared.corpus is not None and not heartbeat.status.baselines:
        tell("counting pairs of tokens", 0.0)
        heartbeat.update(**_losses_to_beat(prepared.corpus, vocab_size))
    return prepared


def assemble(
    config: RunConfig,
    output_dir: Path,
    checkpoint: Path | None,
    command: str = "",
    tell: Tell = tell_nobody,
) -> Prepared:
    """Build corpus, tokenizer and model, without touching the run's directory.

    Args:
        config: Everything that determines the run.
        output_dir: Where checkpoints will go.
        checkpoint: Where to resume, if anywhere.
        command: What the user typed, for the provenance.
        tell: Receives each stage and its progress.
    """
    if config.finetune is not None:
        return assemble_finetuning(config, output_dir, checkpoint, command)
    tokenizer = None
    if checkpoint is not None:
        tokenizer = load_tokenizer(checkpoint / "tokenizer.json")
    make = prepare_large_text if is_large(config.data) else prepare_corpus
    corpus, tokenizer = make(
        config.data, tokenizer, config.tokenizer, config.model.max_seq_len, tell
    )
    config = _with_vocabulary(config, tokenizer.vocab_size)
    torch.manual_seed(config.train.seed)
    model = create_model(config.model_type, **config.model.to_dict())
    train = config.train
    source = build_source(config, corpus, tokenizer)
    steps_per_epoch = source.sampler.steps_per_epoch
    return Prepared(
        config=config,
        text_sha256=corpus.sha256,
        tokenizer=tokenizer,
        model=model,
        source=source,
        checkpoint=checkpoint,
        start_step=0 if checkpoint is None else checkpoint_step(checkpoint) or 0,
        total_steps=train.max_steps or train.num_epochs * steps_per_epoch,
        output_dir=output_dir,
        provenance=_provenance(config, corpus, command),
        corpus=corpus,
    )


def _with_vocabulary(config: RunConfig, vocab_size: int) -> RunConfig:
    key = "mlp" if config.model_type == "mlp" else "transformer"
    return config.replace(
        **{key: config.model.replace(vocab_size=vocab_size).to_dict()}
    )


def _named(prepared: Prepared, data: DataConfig) -> Prepared:
    """Let settings and provenance name the text as the run's maker does."""
    return dataclasses.replace(
        prepared,
        config=prepared.config.replace(data=data.to_dict()),
        provenance=prepared.provenance | {"data": data.to_dict()},
    )


def _losses_to_beat(corpus: Corpus, vocab_size: int) -> dict[str, float]:
    baselines = count_baselines(
        corpus.train_tokens, corpus.validation_tokens, vocab_size
    )
    return {f"{name}_loss": loss for name, loss in baselines._asdict().items()}


def _check_same_text(heartbeat: Heartbeat, prepared: Prepared) -> None:
    before = heartbeat.status.text_sha256
    if prepared.checkpoint is None or before in (None, prepared.text_sha256):
        return
    finetune = prepared.config.finetune
    source = finetune.examples if finetune else prepared.config.data.source
    raise RunError(
        f"{source} has changed since the run began, so it cannot "
        "be resumed on it: restore the text, or start a new run."
    )


def _provenance(config: RunConfig, corpus: Corpus, command: str) -> dict[str, Any]:
    """Describe a checkpoint's origin in enough detail to reproduce it."""
    return {
        "command": command,
        "minigpt": installed_version(),
        "recipe": config.recipe,
        "data": config.data.to_dict(),
        "text_sha256": corpus.sha256,
        "text_characters": corpus.num_characters,
        "tokenizer_characters": corpus.sample_characters,
        "tokens_per_step": config.train.batch_size * config.model.max_seq_len,
        "train": config.train.to_dict(),
    }
