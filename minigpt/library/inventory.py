"""Models, runs and texts in numbers, and where each comes from.

Only small files are read, never the weights. A checkpoint's provenance may have been
written by anyone, so each value is used only if it has the right type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigpt.checkpoint import CheckpointMetadata, read_metadata
from minigpt.datasets.files.text_file import TextFile
from minigpt.errors import CheckpointError, DataError, RunError
from minigpt.library.catalogue import ModelEntry
from minigpt.library.names import readers_of, text_files
from minigpt.model.sizes import num_parameters
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run
from minigpt.runs.training_command import training_command

_LONGEST = 400
_LARGEST = 1e18


@dataclass(frozen=True)
class Facts:
    """What is known about a model or a run."""

    id: str
    kind: str
    """`shipped`, `brought` or `run`."""
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
    if entry.kind == "run":
        command = _command_of(Run(whole)) or command
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
        data=_data(provenance),
        fingerprint=_word(provenance, "text_sha256") or None,
        command=command or _import_command(provenance, entry.id),
    )


def describe_run(run: Run) -> Facts:
    """Collect the facts about a run, whether or not it has a checkpoint yet."""
    try:
        config, status = run.config, run.status()
    except RunError as error:
        return Facts(run.id, "run", run.path, _size(run.path), problem=str(error))
    train = config.train
    per_step = train.batch_size * train.accumulation_steps * config.model.max_seq_len
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
        tokens_seen=status.step * per_step,
        data=_source(config.data.to_dict()),
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


def _tokens_seen(metadata: CheckpointMetadata) -> int | None:
    provenance = metadata.provenance
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
