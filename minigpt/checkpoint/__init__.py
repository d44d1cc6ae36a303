"""A checkpoint is a directory: what the model is, its tokenizer, its weights.

    config.json          kind and sizes of the model, step, where it comes from
    tokenizer.json       how text becomes tokens
    model.safetensors    the weights
    adapter.json, adapter.safetensors      only of a model that has a LoRA adapter
    optimizer.safetensors, trainer.json    only where training can be resumed

Nothing in it is code: JSON and plain numbers, all of it checked when read.
"""

from minigpt.atomic_writes import remove_directory
from minigpt.checkpoint.load import (
    Checkpoint,
    find_checkpoint,
    load_checkpoint,
    load_weights,
)
from minigpt.checkpoint.metadata import CheckpointMetadata, read_metadata
from minigpt.checkpoint.save import halve_weights, save_checkpoint
from minigpt.checkpoint.training_state import (
    TrainingState,
    forget_training_state,
    has_training_state,
    read_training_state,
)

__all__ = [
    "Checkpoint",
    "CheckpointMetadata",
    "TrainingState",
    "find_checkpoint",
    "forget_training_state",
    "halve_weights",
    "has_training_state",
    "load_checkpoint",
    "load_weights",
    "read_metadata",
    "read_training_state",
    "remove_directory",
    "save_checkpoint",
]
