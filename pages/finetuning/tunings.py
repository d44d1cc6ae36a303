"""The fine-tunings to choose from: the reader's runs, and the models that ship."""

from dataclasses import dataclass
from pathlib import Path

from minigpt.config import FinetuneConfig
from minigpt.errors import RunError
from minigpt.library.catalogue import ModelEntry
from minigpt.library.finetuned import base_path, finetuned_models, finetuning_runs
from minigpt.places import data_directory
from minigpt.runs import Run, RunStore
from pages.frame import models

NEW = "new tuning"
"""What the page's choice says of a fine-tuning that is still to be made."""
SHIPPED = "tales-chat"


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning: a run, or a fine-tuned model that ships."""

    id: str
    finetune: FinetuneConfig
    run: Run | None
    entry: ModelEntry | None
    """None until it has saved a model."""


def every_tuning(store: RunStore) -> dict[str, Tuning]:
    """Return every fine-tuning by its name: the runs, newest first, then what ships."""
    ready = {each.entry.id: each for each in finetuned_models(models.entries())}
    runs = {
        run.id: Tuning(
            run.id,
            run.config.finetune,
            run,
            ready[run.id].entry if run.id in ready else None,
        )
        for run in finetuning_runs(store)
    }
    shipped = {
        name: Tuning(name, each.finetune, None, each.entry)
        for name, each in ready.items()
        if name not in runs
    }
    return {**runs, **shipped}


def default_tuning(options: list[str]) -> int:
    """Return which to begin with: the one that ships, or a new one."""
    return options.index(SHIPPED) if SHIPPED in options else 0


def to_tour(known: dict[str, Tuning], chosen: str) -> Tuning | None:
    """Return what a tour can show: the chosen fine-tuning, or any if it is a new one.

    None, where it has no model yet or its base is not here.
    """
    names = [SHIPPED, *known] if chosen == NEW else [chosen]
    return next((known[name] for name in names if _is_whole(known.get(name))), None)


def _is_whole(tuning: Tuning | None) -> bool:
    if tuning is None or tuning.entry is None:
        return False
    if tuning.run is not None and tuning.run.status().is_alive:
        return False
    try:
        base_path(tuning.finetune, data_directory())
    except RunError:
        return False
    return True


def answering_models() -> list[str]:
    """Return the names of models that learned to answer, those from SFT first."""
    found = finetuned_models(models.entries())
    return [
        each.entry.id
        for each in sorted(found, key=lambda one: one.finetune.method != "sft")
    ]


def base_name(path: Path) -> str:
    """Return the name of the model or run that a checkpoint belongs to."""
    known = {entry.id for entry in models.entries()}
    return next((part for part in reversed(path.parts) if part in known), path.name)
