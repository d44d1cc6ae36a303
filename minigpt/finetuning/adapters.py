"""An adapter alone: a few per cent of its base's size, in a directory of its own."""

from pathlib import Path

from minigpt.atomic_writes import replaced_directory
from minigpt.checkpoint import Checkpoint
from minigpt.checkpoint.adapter import (
    ADAPTER_FILE,
    load_adapter_weights,
    read_adapter,
    write_adapter,
)
from minigpt.config import LoraConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.finetuning.chat import fingerprint, ready_to_chat
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.lora import add_lora


def adapted(model: LanguageModel, config: LoraConfig) -> TransformerLM:
    """Add an adapter that remembers for which weights it was made, in place.

    Raises:
        ConfigError: See `add_lora`.
    """
    return add_lora(model, config.replace(base_sha256=fingerprint(model)))


def save_adapter(directory: Path | str, model: TransformerLM) -> Path:
    """Save a model's adapter without the model.

    Args:
        directory: Where; an older adapter there is replaced.
        model: An adapted model.

    Raises:
        ConfigError: If the model has no adapter.
        CheckpointError: If the directory holds something else, or the disk is full.
    """
    directory = Path(directory)
    if model.adapter is None:
        raise ConfigError(
            "This model has no adapter: all of its weights were fine-tuned."
        )
    is_there = directory.is_file() or (directory.is_dir() and any(directory.iterdir()))
    if is_there and not (directory / ADAPTER_FILE).is_file():
        raise CheckpointError(
            f"{directory} holds other things than an adapter: choose another place."
        )
    try:
        with replaced_directory(directory) as beside:
            write_adapter(beside, model, model.adapter)
    except OSError as error:
        raise CheckpointError(
            f"{directory} could not be saved: {error.strerror or error}."
        ) from error
    return directory


def load_adapter(directory: Path | str, base: Checkpoint) -> Checkpoint:
    """Put a saved adapter beside its base; the base's model itself changes.

    Args:
        directory: An adapter, or a checkpoint of an adapted model.
        base: The model it was made for. Chat tokens are added where they lack.

    Returns:
        The adapted model, not merged, and its tokenizer.

    Raises:
        CheckpointError: If it is damaged, or made for another base.
    """
    directory = Path(directory)
    config = read_adapter(directory)
    base = ready_to_chat(base)
    own = fingerprint(base.model)
    if config.base_sha256 != own:
        raise CheckpointError(
            f"{directory} was made for another base: its weights have the fingerprint "
            f"{str(config.base_sha256)[:12]}…, and this model's {own[:12]}…. Load the "
            "base it was trained from."
        )
    model = add_lora(base.model, config)
    load_adapter_weights(directory, model)
    return Checkpoint(model.eval(), base.tokenizer, base.metadata)
