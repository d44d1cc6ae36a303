"""Loading: every file is checked before anything large is allocated."""

from pathlib import Path
from typing import NamedTuple

import torch

from minigpt.atomic_writes import present
from minigpt.checkpoint.adapter import load_adapter_weights
from minigpt.checkpoint.metadata import CONFIG_FILE, CheckpointMetadata, read_metadata
from minigpt.checkpoint.save import TOKENIZER_FILE, WEIGHTS_FILE
from minigpt.checkpoint.tensors import check_weights, read_weights
from minigpt.errors import CheckpointError, ConfigError, near_names
from minigpt.model import MODEL_TYPES, LanguageModel, TransformerLM
from minigpt.model.device import resolve_device
from minigpt.model.memory import require_memory
from minigpt.model.sizes import skeleton
from minigpt.quantization.models import dequantize, with_empty_matrices
from minigpt.tokenizers.base import Tokenizer
from minigpt.tokenizers.enlarged import fitted
from minigpt.tokenizers.storage import load_tokenizer


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    model: LanguageModel
    """In evaluation mode: no dropout."""
    tokenizer: Tokenizer
    metadata: CheckpointMetadata


def find_checkpoint(directory: Path | str) -> Path:
    """Return the directory of a checkpoint.

    Tutorials write `checkpoint_epoch_5.pt`: a trailing `.pt` means the directory of
    that name without it. If saving was killed between two renames, the checkpoint
    before is found under its hidden name.

    Raises:
        CheckpointError: If there is none, with near names.
    """
    asked = Path(directory)
    candidates = [asked]
    if asked.suffix == ".pt":
        candidates.append(asked.with_suffix(""))
    for candidate in candidates:
        if present(candidate).is_dir():
            return present(candidate)
    if asked.is_file():
        raise CheckpointError(
            f"{asked} is a file, and a checkpoint is a directory with {CONFIG_FILE}, "
            f"{TOKENIZER_FILE} and {WEIGHTS_FILE}. Pickled files are never read."
        )
    beside = asked.parent.iterdir() if asked.parent.is_dir() else ()
    others = [path.name for path in beside if path.is_dir()]
    raise CheckpointError(
        f"There is no checkpoint {asked}.{near_names(candidates[-1].name, others)}"
    )


def load_checkpoint(
    directory: Path | str,
    device: str | torch.device = "cpu",
    *,
    keep_integers: bool = False,
) -> Checkpoint:
    """Load a model with its tokenizer.

    Args:
        directory: A checkpoint.
        device: Where to put the model: `cpu`, `cuda`, `auto`, …
        keep_integers: Leave the matrices of a quantized model as they are stored: it
            takes less memory, and writes faster if it is large. Otherwise it becomes a
            model like any other, whose weights happen to lie on a grid.

    Returns:
        The model in evaluation mode, its tokenizer, and the metadata of `config.json`.

    Raises:
        CheckpointError: If anything is missing or damaged, has another size than
            described, or does not fit into this machine's memory. It names the file
            and the field.
    """
    directory = find_checkpoint(directory)
    metadata = read_metadata(directory)
    weights_file, tokenizer_file = directory / WEIGHTS_FILE, directory / TOKENIZER_FILE
    try:
        require_memory(metadata.model_config_of_its_kind())
        model = _empty_model(metadata, weights_file)
    except ConfigError as error:
        raise CheckpointError(f"{directory / CONFIG_FILE}: {error}") from None
    load_weights(directory, model)
    if not keep_integers and model.quantization is not None:
        model = dequantize(model)
    if not tokenizer_file.is_file():
        raise CheckpointError(
            f"{tokenizer_file} is missing: without it the model's text cannot be read."
        )
    tokenizer = fitted(
        load_tokenizer(tokenizer_file), model.config.vocab_size, str(tokenizer_file)
    )
    return Checkpoint(model.to(resolve_device(str(device))).eval(), tokenizer, metadata)


def _empty_model(metadata: CheckpointMetadata, weights_file: Path) -> LanguageModel:
    """Build the model that a file's weights belong in, once the file is known to fit.

    Raises:
        CheckpointError: If it does not.
        ConfigError: If a setting is wrong.
    """
    kind = MODEL_TYPES[metadata.model_type]
    config = metadata.quantization
    expected = skeleton(kind, metadata.model)
    assert isinstance(expected, LanguageModel)
    if config is not None:
        expected = with_empty_matrices(expected, config)
    check_weights(weights_file, expected)
    model = kind(**metadata.model)
    return model if config is None else with_empty_matrices(model, config)


def load_weights(directory: Path, model: LanguageModel) -> None:
    """Put a checkpoint's weights into a model of exactly its sizes.

    Of a model with an adapter, only the adapter is loaded: its base never changes.

    Raises:
        CheckpointError: If file and model differ, with the tensor's name.
    """
    if isinstance(model, TransformerLM) and model.adapter is not None:
        load_adapter_weights(directory, model)
        return
    model.load_state_dict(read_weights(directory / WEIGHTS_FILE, model))
