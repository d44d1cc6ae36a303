"""Resuming: from a trainer to a checkpoint's state, and back."""

from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from minigpt.checkpoint import (
    TrainingState,
    load_weights,
    read_metadata,
    read_training_state,
)
from minigpt.errors import CheckpointError, ConfigError
from minigpt.model import LanguageModel
from minigpt.training.learner import share_out, whole
from minigpt.training.optimizer import OptimizerPair
from minigpt.training.progress import TrainingProgress


def capture_state(
    progress: TrainingProgress, optimizer: Optimizer, scheduler: LRScheduler | None
) -> TrainingState:
    """Collect what a resumed training needs, besides the weights."""
    return TrainingState(
        progress=progress.to_dict(),
        optimizer=whole(optimizer.state_dict()),
        scheduler=None if scheduler is None else scheduler.state_dict(),
    )


def restore_state(
    directory: Path,
    model: LanguageModel,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
) -> TrainingProgress:
    """Put a checkpoint's weights and state into model, optimizer and scheduler.

    Returns:
        Where the training stood.

    Raises:
        CheckpointError: If the checkpoint is not of this training.
    """
    _require_same_model(directory, model)
    state = read_training_state(directory)
    load_weights(directory, model)
    try:
        progress = TrainingProgress(**state.progress)
        optimizer.load_state_dict(state.optimizer)
        if scheduler is not None and state.scheduler is not None:
            scheduler.load_state_dict(state.scheduler)
    except ConfigError as error:
        raise CheckpointError(f"{directory / 'trainer.json'}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _another_optimizer(directory, str(error)) from None
    parts = optimizer.parts if isinstance(optimizer, OptimizerPair) else (optimizer,)
    for part in parts:
        _require_same_shapes(directory, part)
        share_out(part)
    return progress


def _require_same_model(directory: Path, model: LanguageModel) -> None:
    saved, own = read_metadata(directory).model, model.config.to_dict()
    for name, value in own.items():
        # Dropout may be changed on the way: it is no part of the weights.
        if name != "dropout" and name in saved and saved[name] != value:
            raise CheckpointError(
                f"{directory} was trained with {name} = {saved[name]!r}, and this "
                f"model has {value!r}: build the model with the checkpoint's settings."
            )


def _require_same_shapes(directory: Path, optimizer: Optimizer) -> None:
    """Check each weight's memory: torch itself takes any shape."""
    for parameter, memory in optimizer.state.items():
        for name, value in memory.items():
            if _is_for_each_weight(value) and value.shape != parameter.shape:
                raise _another_optimizer(
                    directory,
                    f"{name} has shape {list(value.shape)} for weights of shape "
                    f"{list(parameter.shape)}",
                )


def _is_for_each_weight(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0


def _another_optimizer(directory: Path, detail: str) -> CheckpointError:
    return CheckpointError(
        f"{directory} was saved with another optimizer or schedule ({detail}): resume "
        "with the settings it was begun with."
    )
