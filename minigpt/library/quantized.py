"""A model of the library, quantized: as a model of its own, or anywhere on disk."""

from pathlib import Path

from minigpt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from minigpt.config import QuantizationConfig
from minigpt.errors import ConfigError
from minigpt.library.incoming import keep_import
from minigpt.quantization import quantize


def quantized(path: Path, name: str, config: QuantizationConfig) -> Checkpoint:
    """Load a checkpoint and round its weights.

    Args:
        path: The checkpoint.
        name: What it is called, for the command that makes it again.
        config: The kind of grid.

    Returns:
        The quantized model; it says what it was made from.

    Raises:
        CheckpointError: If it cannot be loaded.
        ConfigError: If it is quantized already.
    """
    model, tokenizer, metadata = load_checkpoint(path)
    if metadata.quantization is not None:
        raise ConfigError(
            f"{name} is quantized already ({metadata.quantization}): begin with the "
            "model that it was made from."
        )
    # The loss of before would not be this model's: `evaluate` measures it.
    provenance = {k: v for k, v in metadata.provenance.items() if k != _ITS_LOSS}
    provenance["command"] = command(name, config)
    changed = metadata.replace(provenance=provenance, quantization=config.to_dict())
    return Checkpoint(quantize(model, config), tokenizer, changed)


_ITS_LOSS = "validation_loss"


def command(name: str, config: QuantizationConfig) -> str:
    """Return the line that makes a quantized model.

    >>> command("tales", QuantizationConfig(bits=4, group_size=32))
    'python -m minigpt quantize tales --bits 4 --group_size 32'
    """
    words = f"python -m minigpt quantize {name} --bits {config.bits}"
    if config.group_size is not None:
        words += f" --group_size {config.group_size}"
    return f"{words} --zero_point" if config.zero_point else words


def keep_quantized(data: Path, name: str, made_from: str, made: Checkpoint) -> Path:
    """Add a quantized model to those of the library.

    Args:
        data: The data directory.
        name: What to call it.
        made_from: The model before rounding.
        made: What `quantized` returned.

    Returns:
        Its directory.

    Raises:
        RunError: If the name is not allowed, or taken.
        CheckpointError: If the disk is full.
    """
    words = f"{made_from:.80} with its weights rounded: {made.metadata.quantization}."
    return keep_import(data, name, made, words)


def save_quantized(directory: Path, made: Checkpoint) -> Path:
    """Save a quantized model anywhere. See `save_checkpoint`."""
    return save_checkpoint(
        directory,
        made.model,
        made.tokenizer,
        step=made.metadata.step,
        provenance=made.metadata.provenance,
    )
