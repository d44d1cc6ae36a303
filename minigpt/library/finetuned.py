"""All fine-tuned models, and their bases.

A fine-tuning is a run like any other (see `catalogue`), except that its checkpoints
name their base. That path may come from another machine, so the base is also searched
for in this data directory.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from minigpt import spaces
from minigpt.checkpoint import read_metadata
from minigpt.config import FinetuneConfig
from minigpt.errors import CheckpointError, ConfigError, RunError
from minigpt.library.catalogue import ModelEntry
from minigpt.places import shipped_models
from minigpt.runs.store import Run, RunStore


class FinetunedModel(NamedTuple):
    """A model that was fine-tuned."""

    entry: ModelEntry
    finetune: FinetuneConfig


def finetuned_models(entries: Iterable[ModelEntry]) -> list[FinetunedModel]:
    """Select the fine-tuned models of a catalogue, in its order.

    Args:
        entries: What `available_models` returned.
    """
    found = ((each, finetuning_of(each.path)) for each in entries)
    return [FinetunedModel(entry, finetune) for entry, finetune in found if finetune]


def finetuning_runs(store: RunStore) -> list[Run]:
    """List the runs that are fine-tunings, newest first, started or not."""
    return [run for run in store.list() if _is_finetuning(run)]


def finetuning_of(checkpoint: Path) -> FinetuneConfig | None:
    """Return how a checkpoint was fine-tuned; None if it was not, or is unknown."""
    try:
        settings = read_metadata(checkpoint).provenance.get("finetune")
        return FinetuneConfig(**settings) if isinstance(settings, dict) else None
    except (CheckpointError, ConfigError, TypeError):
        return None


def base_path(finetune: FinetuneConfig, data_dir: Path) -> Path:
    """Find the checkpoint that a fine-tuning started from.

    Args:
        finetune: Contains its path on the machine that trained.
        data_dir: The data directory of this machine.

    Raises:
        RunError: If it cannot be found.
    """
    recorded = Path(finetune.base)
    parts = recorded.as_posix().split("/")
    here = [
        data_dir.joinpath(*parts[len(parts) - 1 - parts[::-1].index(room) :])
        for room in ("models", "runs")
        if room in parts
    ]
    if "models" in parts and (shipped := shipped_models()):
        here.append(shipped / recorded.name)
    for path in (recorded, *here):
        if spaces.may_open(path) and (path / "config.json").is_file():
            return path
    raise RunError(
        f"The base {finetune.base} no longer exists, so there is nothing to "
        "compare with. The other pages still show what the fine-tuned model does."
    )


def _is_finetuning(run: Run) -> bool:
    try:
        return run.config.finetune is not None
    except RunError:
        return False
