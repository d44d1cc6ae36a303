"""What resuming needs beyond the weights: optimizer, schedule, progress.

The state of an optimizer is a tree of dicts and lists with tensors and numbers at its
leaves. The tensors go to `optimizer.safetensors`, each under its path in the tree; the
rest goes to `trainer.json`, where `{"tensor": path}` stands for each.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.checkpoint.metadata import read_json
from minigpt.checkpoint.tensors import read_tensors, write_tensors
from minigpt.errors import CheckpointError

TRAINER_FILE = "trainer.json"
OPTIMIZER_FILE = "optimizer.safetensors"
FORMAT = "minigpt-trainer"


@dataclass(frozen=True)
class TrainingState:
    """Everything a trainer remembers between two steps."""

    progress: dict[str, Any]
    """Step, epoch, best loss, …: JSON types."""
    optimizer: dict[str, Any]
    """`optimizer.state_dict()`."""
    scheduler: dict[str, Any] | None = None
    """`scheduler.state_dict()`, if there is one."""


def has_training_state(directory: Path) -> bool:
    """Whether training can be resumed from a checkpoint."""
    return (directory / TRAINER_FILE).is_file() and (
        directory / OPTIMIZER_FILE
    ).is_file()


def forget_training_state(directory: Path) -> None:
    """Delete what only resuming needs: two thirds of a checkpoint's size."""
    (directory / TRAINER_FILE).unlink(missing_ok=True)
    (directory / OPTIMIZER_FILE).unlink(missing_ok=True)


def write_training_state(directory: Path, state: TrainingState) -> None:
    """Write the two files.

    Raises:
        OSError: If the disk is full or cannot be written.
        CheckpointError: If a state holds something that is neither number nor text.
    """
    tensors: dict[str, Tensor] = {}
    tree = {
        "format": FORMAT,
        "version": 1,
        "progress": state.progress,
        "optimizer": _take_tensors(state.optimizer, "optimizer", tensors),
        "scheduler": _take_tensors(state.scheduler, "scheduler", tensors),
    }
    write_tensors(directory / OPTIMIZER_FILE, tensors)
    (directory / TRAINER_FILE).write_text(json.dumps(tree), encoding="utf-8")


def read_training_state(directory: Path) -> TrainingState:
    """Read what `write_training_state` wrote.

    Raises:
        CheckpointError: If a file is missing or damaged.
    """
    path = directory / TRAINER_FILE
    if not has_training_state(directory):
        raise CheckpointError(
            f"{directory} holds a model without the optimizer's state, so training "
            "cannot go on from it: resume from the newest checkpoint beside it."
        )
    tree = read_json(path)
    if tree.get("format") != FORMAT or tree.get("version") != 1:
        raise CheckpointError(
            f"{path} is not a trainer.json of this version: format "
            f"{tree.get('format')!r}, version {tree.get('version')!r}."
        )
    tensors = read_tensors(directory / OPTIMIZER_FILE)
    try:
        return TrainingState(
            progress=dict(tree["progress"]),
            optimizer=_put_tensors(tree["optimizer"], tensors),
            scheduler=_put_tensors(tree["scheduler"], tensors),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged: {error!r} is missing or wrong."
        ) from None


def _take_tensors(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Return the tree as JSON types; put its tensors into `tensors` by path."""
    if isinstance(tree, Tensor):
        # A copy: safetensors refuses tensors that share their memory.
        tensors[path] = tree.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": path}
    if isinstance(tree, dict):
        return {
            str(key): _take_tensors(branch, f"{path}.{key}", tensors)
            for key, branch in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [
            _take_tensors(branch, f"{path}.{place}", tensors)
            for place, branch in enumerate(tree)
        ]
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise CheckpointError(
        f"{path} is a {type(tree).__name__}, which a checkpoint cannot hold: numbers, "
        "text and tensors can be saved."
    )


def _put_tensors(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """Undo `_take_tensors`. Keys of digits were numbers: optimizers number weights."""
    if isinstance(tree, dict):
        if tree.keys() == {"tensor"}:
            return tensors[tree["tensor"]]
        return {
            int(key) if key.isdecimal() else key: _put_tensors(branch, tensors)
            for key, branch in tree.items()
        }
    if isinstance(tree, list):
        return [_put_tensors(branch, tensors) for branch in tree]
    return tree
