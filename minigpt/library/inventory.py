"""Models, runs and texts in numbers, and where each comes from.

Only small files are read, never the weights. A checkpoint's provenance may have been
written by anyone, so each value is used only if it has the right type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigpt.checkpoint import CheckpointMetadata, read_metadata
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.datasets.files.text_file import TextFile
from minigpt.errors import CheckpointError, ConfigError, DataError, RunError
from minigpt.library.catalogue import ModelEntry
from minigpt.library.finetuned import finetuning_of
from minigpt.library.names import readers_of, text_files
from minigpt.model.sizes import num_parameters
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run
from minigpt.runs.training_command import (
    base_name,
    finetuning_command,
    training_command,
)

_LONGEST = 400
_LARGEST = 1e18


@dataclass(frozen=True)
class Facts:
    """What is known about a model or a run."""

    id: str
    kind: str
    """`shipped`, `shared`, `brought` or `run`."""
    path: Path
    """The checkpoint to load, or the run's directory before the first one."""
    num_bytes: int
    """On disk, with all its checkpoints."""
    description: str = ""
    has_model: bool = False
    """Whether there is a checkpoint; a new run has none."""
    has_heads: bool = False
    num_parameters: int | None = None
    step: int = 0
    loss: float | None = None
    """Validation loss, in nats per token."""
    tokens_seen: int | None = None
    """Tokens trained on, counting repetitions."""
    data: str = ""
    """What it learned from: a text; of a fine-tuning, the examples."""
    tuned: str = ""
    """Of a fine-tuning: the method, how much may change, and the base."""
    quantization: str = ""
    """How the weights are rounded: `int8, one scale per row`; empty if they are not."""
    fingerprint: str | None = None
    """SHA-256 of the text."""
    command: str = ""
    """The command that reproduces it; empty if unknown."""
    state: str = ""
    """Of a run: `running`, `finished`, …"""
    problem: str = ""
    """Why it failed, or cannot be read."""


@dataclass(frozen=True)
class TextFacts:
    """What is known about a text of the user's."""

    path: Path
    num_bytes: int
    num_characters: int
    fingerprint: str
    begins: str
    readers: tuple[str, ...]
    """The runs that are or were trained on it."""
    problem: str = ""


def describe_model(entry: ModelEntry) -> Facts:
    """Collect the facts about a model that can be opened."""
    whole = _whole(entry)
    try:
        metadata = read_metadata(entry.path)
    except CheckpointError as error:
        return Facts(entry.id, entry.kind, whole, _size(whole), problem=str(error))
    provenance = metadata.provenance
    command = _word(provenance, "command")
    finetune = finetuning_of(entry.path)
    if entry.kind == "run":
        command = _command_of(Run(whole)) or command
    elif entry.kind == "brought" and finetune and not metadata.quantization:
        command = _tuning_command(finetune, provenance) or command
    return Facts(
        id=entry.id,
        kind=entry.kind,
        description=entry.description,
        path=entry.path,
        has_model=True,
        has_heads=metadata.model_type == "transformer",
        num_bytes=_size(whole),
        num_parameters=num_parameters(metadata.model_config_of_its_kind()),
        step=metadata.step,
        loss=_number(provenance, "validation_loss"),
        tokens_seen=_tokens_seen(metadata),
        data=_data(provenance) if finetune is None else _examples(finetune),
        tuned=_tuned(finetune),
        quantization=str(metadata.quantization or ""),
        fingerprint=_word(provenance, "text_sha256") or None,
        command=command or _import_command(provenance, entry.id),
    )


def describe_run(run: Run) -> Facts:
    """Collect the facts about a run, whether or not it has a checkpoint yet."""
    try:
        config, status = run.config, run.status()
    except RunError as error:
        return Facts(run.id, "run", run.path, _size(run.path), problem=str(error))
    finetune = config.finetune
    return Facts(
        id=run.id,
        kind="run",
        description=_progress(status),
        path=run.best or run.path,
        has_model=run.best is not None,
        has_heads=config.model_type == "transformer",
        num_bytes=_size(run.path),
        num_parameters=status.num_parameters,
        step=status.step,
        loss=status.best_loss,
        tokens_seen=_tokens_of(run, config, status),
        data=_examples(finetune) if finetune else _source(config.data.to_dict()),
        tuned=_tuned(finetune),
        fingerprint=status.text_sha256,
        command=training_command(config),
        state=status.state,
        problem=status.error or "",
    )


def describe_texts(data: Path) -> list[TextFacts]:
    """Collect the facts about the texts in `data/texts`."""
    return [_describe_text(data, path) for path in text_files(data)]


def _describe_text(data: Path, path: Path) -> TextFacts:
    readers = tuple(run.id for run in readers_of(data, path))
    try:
        file = TextFile(path)
        length, fingerprint = file.measure()
    except DataError as error:
        return TextFacts(path, _size(path), 0, "", "", readers, str(error))
    beginning = next(file.blocks())[:300]
    return TextFacts(path, file.num_bytes, length, fingerprint, beginning, readers)


def _whole(entry: ModelEntry) -> Path:
    """Return the directory of a model with all its checkpoints."""
    return next(
        (path for path in (entry.path, *entry.path.parents) if path.name == entry.id),
        entry.path,
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a directory."""
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # deleted in the meantime
    return total


def _progress(status: RunStatus) -> str:
    total = f" of {status.total_steps:,}" if status.total_steps else ""
    return f"{status.state.capitalize()}, step {status.step:,}{total}."


def _command_of(run: Run) -> str:
    try:
        return training_command(run.config)
    except RunError:
        return ""


def _tuning_command(finetune: FinetuneConfig, provenance: Mapping[str, Any]) -> str:
    """Return the command of a fine-tuning that was run elsewhere, perhaps by a page."""
    train = provenance.get("train")
    try:
        settings = TrainConfig(**train) if isinstance(train, dict) else None
    except (ConfigError, TypeError):
        return ""
    return "" if settings is None else finetuning_command(finetune, settings)


def _import_command(provenance: Mapping[str, Any], name: str) -> str:
    source = _word(provenance, "pretrained")
    fetched = source and " " not in source
    return f"python -m minigpt import {source} {name}" if fetched else ""


def _data(provenance: Mapping[str, Any]) -> str:
    data = provenance.get("data")
    if isinstance(data, Mapping):
        return _source(data)
    return _word(provenance, "pretrained")


def _source(data: Mapping[str, Any]) -> str:
    """Name the text: `tales, 40 MB`, `repeats`, `book.txt`."""
    source = _word(data, "source")
    size = _number(data, "tales_megabytes")
    if source == "tales" and size is not None:
        return f"tales, {size:g} MB"
    return source.replace("\\", "/").rpartition("/")[2]


def _examples(finetune: FinetuneConfig) -> str:
    """Name a fine-tuning's examples: those of tales, or a file."""
    if finetune.is_own_file:
        return _source({"source": finetune.examples})
    return f"{finetune.tales_examples:,} examples of tales"


def _tuned(finetune: FinetuneConfig | None) -> str:
    """Say how a model was tuned: `SFT of tales, all weights`."""
    if finetune is None:
        return ""
    how = "all weights" if finetune.lora is None else f"LoRA, rank {finetune.lora.rank}"
    return f"{finetune.method.upper()} of {base_name(finetune.base)}, {how}"


def _tokens_of(run: Run, config: RunConfig, status: RunStatus) -> int | None:
    """Tokens that a run has learned from."""
    if config.finetune is None:
        train, context = config.train, config.model.max_seq_len
        return status.step * train.batch_size * train.accumulation_steps * context
    # Examples differ in length: the run's journal counts their answers' tokens.
    steps = [each for each in run.metrics().records if "tokens_seen" in each]
    return int(steps[-1]["tokens_seen"]) if steps else None


def _tokens_seen(metadata: CheckpointMetadata) -> int | None:
    provenance = metadata.provenance
    per_pass = _number(provenance, "tokens_per_pass")
    steps = _number(provenance, "steps_per_pass")
    if per_pass is not None and steps and metadata.step < _LARGEST:
        return round(metadata.step / steps * per_pass)
    per_step = _number(provenance, "tokens_per_step")
    if per_step is None or metadata.step > _LARGEST:
        return None
    train = provenance.get("train")
    parts = _number(train, "accumulation_steps") if isinstance(train, Mapping) else 1
    return round(metadata.step * per_step * (parts or 1))


def _word(provenance: Mapping[str, Any], key: str) -> str:
    value = provenance.get(key)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(provenance: Mapping[str, Any], key: str) -> float | None:
    value = provenance.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # False for NaN, too.
    return float(value) if abs(value) < _LARGEST else None
