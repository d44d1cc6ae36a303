"""A LoRA adapter as files: two thin matrices per adapted weight, and for which base.

    adapter.json          rank, alpha, targets, and the fingerprint of the base
    adapter.safetensors   A and B of each layer

A checkpoint of an adapted model holds both besides the merged weights: it can be used
like any other, and training can go on from it.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from minigpt.checkpoint.metadata import read_json
from minigpt.checkpoint.tensors import read_finite, read_header, write_tensors
from minigpt.config import LoraConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.model.lora import lora_layers

ADAPTER_FILE = "adapter.json"
ADAPTER_WEIGHTS = "adapter.safetensors"


class AdapterMetadata(LoraConfig):
    """What an adapter is."""

    format: Literal["minigpt-adapter"] = Field(
        "minigpt-adapter", description="Tells our adapters from other files."
    )
    version: Literal[1] = Field(1, description="Of the format.")


def write_adapter(directory: Path, model: nn.Module, config: LoraConfig) -> None:
    """Write an adapter's two files.

    Raises:
        OSError: If the disk is full or cannot be written.
    """
    metadata = AdapterMetadata(**config.to_dict()).to_dict()
    text = json.dumps(metadata, indent=2) + "\n"
    (directory / ADAPTER_FILE).write_text(text, encoding="utf-8")
    write_tensors(directory / ADAPTER_WEIGHTS, _matrices(model))


def read_adapter(directory: Path) -> LoraConfig:
    """Read and check what an adapter is.

    Raises:
        CheckpointError: If a file is missing or damaged, or is none of an adapter.
    """
    path = directory / ADAPTER_FILE
    fields = read_json(path)
    try:
        metadata = AdapterMetadata(**fields)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return LoraConfig(**metadata.model_dump(include=set(LoraConfig.model_fields)))


def load_adapter_weights(directory: Path, model: nn.Module) -> None:
    """Put saved matrices into a model that has an adapter of the same sizes.

    Raises:
        CheckpointError: If file and model differ.
    """
    path = directory / ADAPTER_WEIGHTS
    own = _matrices(model)
    found = {name: shape for name, (shape, _) in read_header(path).items()}
    if found != {name: tuple(matrix.shape) for name, matrix in own.items()}:
        raise CheckpointError(
            f"{path} does not fit this model's adapter: rank, targets or the model's "
            "sizes differ. Use the base and the settings it was made with."
        )
    model.load_state_dict(read_finite(path), strict=False)


def _matrices(model: nn.Module) -> dict[str, Tensor]:
    return {
        f"{name}.{kind}": getattr(layer, kind).detach().cpu()
        for name, layer in lora_layers(model).items()
        for kind in ("lora_a", "lora_b")
    }
