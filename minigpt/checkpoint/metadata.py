"""`config.json` of a checkpoint: read strictly, because anyone may have written it."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from minigpt.config import Config, MLPConfig, ModelConfig, QuantizationConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.regular_files import read_regular

CONFIG_FILE = "config.json"


class CheckpointMetadata(Config):
    """What a checkpoint is, and where it comes from."""

    format: Literal["minigpt-checkpoint"] = Field(
        "minigpt-checkpoint", description="Tells our checkpoints from other files."
    )
    version: Literal[1] = Field(1, description="Of the format.")
    model_type: Literal["transformer", "mlp"] = Field(
        ..., description="Which kind of model."
    )
    model: dict[str, Any] = Field(..., description="The model's settings.")
    step: int = Field(0, ge=0, description="Steps of training behind it.")
    provenance: dict[str, Any] = Field(
        {}, description="How it was made: settings, data, numbers worth keeping."
    )
    quantization: QuantizationConfig | None = Field(
        None, description="How its matrices are rounded (none: they are not)."
    )

    @model_serializer(mode="wrap")
    def _without_what_came_later(
        self, write: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        """Leave out what is not used: versions from before it read the file too."""
        fields: dict[str, Any] = write(self)
        if fields["quantization"] is None:
            del fields["quantization"]
        return fields

    def model_config_of_its_kind(self) -> ModelConfig | MLPConfig:
        """Return the model's settings, checked.

        Raises:
            ConfigError: If a setting is unknown, of a wrong type or out of range.
        """
        kind = MLPConfig if self.model_type == "mlp" else ModelConfig
        return kind(**self.model)


def read_metadata(directory: Path) -> CheckpointMetadata:
    """Read and check `config.json`, the model's settings included.

    Raises:
        CheckpointError: If it is missing, damaged, or a field is wrong.
    """
    path = directory / CONFIG_FILE
    content = read_json(path)
    if content.get("format") != "minigpt-checkpoint":
        raise CheckpointError(
            f"{path} is not the config.json of a minigpt checkpoint: its format is "
            f"{content.get('format')!r}."
        )
    try:
        metadata = CheckpointMetadata(**content)
        metadata.model_config_of_its_kind()
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return metadata


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that must hold one JSON object.

    Raises:
        CheckpointError: If it is missing, damaged, or something else.
    """
    try:
        content = json.loads(read_regular(path))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} is missing: the checkpoint is not complete."
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged: it must hold one JSON object.")
    return content
