"""Saving: all files are written to a new directory, which then replaces the old one."""

import json
from pathlib import Path
from typing import Any

from minigpt.atomic_writes import replaced_directory, replaced_file
from minigpt.checkpoint.adapter import write_adapter
from minigpt.checkpoint.metadata import CONFIG_FILE, CheckpointMetadata
from minigpt.checkpoint.tensors import read_tensors, write_tensors, write_weights
from minigpt.checkpoint.training_state import TrainingState, write_training_state
from minigpt.errors import CheckpointError
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.lora import without_adapter
from minigpt.tokenizers.base import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"


def save_checkpoint(
    directory: Path | str,
    model: LanguageModel,
    tokenizer: Tokenizer | None,
    *,
    step: int = 0,
    provenance: dict[str, Any] | None = None,
    training_state: TrainingState | None = None,
) -> Path:
    """Save a model; if the process is killed meanwhile, the old checkpoint stays whole.

    Args:
        directory: Where to save it. A checkpoint that is there is replaced.
        model: The model. A LoRA adapter goes into a file of its own.
        tokenizer: The one it was trained with. Without one, training can be resumed
            from the checkpoint, but `load_checkpoint` refuses it.
        step: How many steps the model was trained.
        provenance: How it was made: settings, data, results; JSON types.
        training_state: Optimizer, schedule and progress, to resume training later.

    Returns:
        The directory.

    Raises:
        CheckpointError: If the directory holds something else, or the disk is full.
            What was there before is untouched.
    """
    directory = Path(directory)
    _require_replaceable(directory)
    metadata = CheckpointMetadata(
        model_type=model.kind,
        model=model.config.to_dict(),
        step=step,
        provenance=provenance or {},
        quantization=model.quantization,
    )
    config = json.dumps(metadata.to_dict(), indent=2, ensure_ascii=False)
    try:
        with replaced_directory(directory) as beside:
            (beside / CONFIG_FILE).write_text(config + "\n", encoding="utf-8")
            if tokenizer is not None:
                tokenizer.save(beside / TOKENIZER_FILE)
            if isinstance(model, TransformerLM) and model.adapter is not None:
                write_adapter(beside, model, model.adapter)
                model = without_adapter(model)
            write_weights(beside / WEIGHTS_FILE, model)
            if training_state is not None:
                write_training_state(beside, training_state)
    except OSError as error:
        raise _not_saved(directory, error) from error
    return directory


def halve_weights(checkpoint: Path) -> None:
    """Keep 16 bits of each weight of a checkpoint, three digits, in half the size.

    Good enough to look at the model and to write with it, not to go on training it.

    Raises:
        CheckpointError: If the weights cannot be read, or the disk is full.
    """
    path = checkpoint / WEIGHTS_FILE
    halves = {name: weight.half() for name, weight in read_tensors(path).items()}
    try:
        with replaced_file(path) as beside:
            write_tensors(beside, halves)
    except OSError as error:
        raise _not_saved(checkpoint, error) from error


def _not_saved(directory: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"{directory} could not be saved: {error.strerror or error}. What was saved "
        "before is untouched; make room and try again."
    )


def _require_replaceable(directory: Path) -> None:
    """Refuse to replace anything that is not a checkpoint: it may be precious.

    Raises:
        CheckpointError: If there is a file, or a directory of other things.
    """
    if not directory.exists():
        return
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is a file: choose another place to save.")
    if any(directory.iterdir()) and not (directory / CONFIG_FILE).is_file():
        raise CheckpointError(
            f"{directory} holds other things than a checkpoint, and saving would "
            "replace them: choose another place to save."
        )
