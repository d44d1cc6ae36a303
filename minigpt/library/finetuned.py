"""Every fine-tuned model there is, and what it was tuned from.

A tuning is a run like any other (see `catalogue`); what makes it one is that its
checkpoints say which base they began as. That path was written on some machine at
some time, so the base is also looked for where models lie here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from minigpt.checkpoint import read_metadata
from minigpt.config import FinetuneConfig
from minigpt.errors import CheckpointError, ConfigError, RunError
from minigpt.library.catalogue import ModelEntry
from minigpt.runs.store import Run, RunStore


class FinetunedModel(NamedTuple):
    """A model that was fine-tuned."""

    entry: ModelEntry
    finetune: FinetuneConfig


def finetuned_models(entries: Iterable[ModelEntry]) -> list[FinetunedModel]:
    """Choose from the catalogue the models that were fine-tuned, in its order.

    Args:
        entries: What `available_models` returned.
    """
    found = ((each, finetuning_of(each.path)) for each in entries)
    return [FinetunedModel(entry, finetune) for entry, finetune in found if finetune]


def finetuning_runs(store: RunStore) -> list[Run]:
    """List the runs that are fine-tunings, newest first, begun or not."""
    return [run for run in store.list() if _is_finetuning(run)]


def finetuning_of(checkpoint: Path) -> FinetuneConfig | None:
    """Return how a checkpoint was tuned; None if it was not, or does not say."""
    try:
        told = read_metadata(checkpoint).provenance.get("finetune")
        return FinetuneConfig(**told) if isinstance(told, dict) else None
    except (CheckpointError, ConfigError, TypeError):
        return None


def base_path(finetune: FinetuneConfig, data_dir: Path) -> Path:
    """Find the checkpoint that a tuning began with.

    Args:
        finetune: Names it, as a path on the machine that trained.
        data_dir: Where models and runs lie here.

    Raises:
        RunError: If it is nowhere.
    """
    told = Path(finetune.base)
    parts = told.as_posix().split("/")
    here = [
        data_dir.joinpath(*parts[len(parts) - 1 - parts[::-1].index(room) :])
        for room in ("models", "runs")
        if room in parts
    ]
    for path in (told, *here):
        if (path / "config.json").is_file():
            return path
    raise RunError(
        f"The base {finetune.base} is not here any more, so there is nothing to "
        "compare with. What the tuned model does now can be seen on the other pages."
    )


def _is_finetuning(run: Run) -> bool:
    try:
        return run.config.finetune is not None
    except RunError:
        return False
