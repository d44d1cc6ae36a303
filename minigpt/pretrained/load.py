"""Loads a model in the format of Hugging Face, with the same logits."""

from pathlib import Path

import torch

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.checkpoint.metadata import CONFIG_FILE, read_json
from minigpt.errors import CheckpointError
from minigpt.model import TransformerLM
from minigpt.model.device import resolve_device
from minigpt.pretrained.build import build
from minigpt.pretrained.codebases.opening import foreign_file, open_foreign
from minigpt.pretrained.codebases.tokens import OWN_TOKENIZER_FILE
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gpt2 import GPT2
from minigpt.pretrained.hub import commit_of, find_directory
from minigpt.pretrained.llama import LLAMA
from minigpt.pretrained.neo import NEO
from minigpt.pretrained.neox import NEOX
from minigpt.pretrained.opt import OPT
from minigpt.pretrained.qwen import QWEN2, QWEN3
from minigpt.pretrained.shape import Shape
from minigpt.pretrained.weights import INDEX_FILE, WEIGHTS_FILE, WeightFiles
from minigpt.tokenizers.enlarged import fitted
from minigpt.tokenizers.storage import open_tokenizer

SHAPES = (GPT2, QWEN2, LLAMA, QWEN3, NEOX, NEO, OPT)
ADAPTER_FILE = "adapter_config.json"


def from_pretrained(
    name_or_path: str | Path,
    device: str | torch.device = "cpu",
    *,
    revision: str | None = None,
    offline: bool = False,
) -> Checkpoint:
    """Load a model in the format of Hugging Face, of GPT-2's shape or of Llama's.

    >>> model, tokenizer, _ = from_pretrained("gpt2")  # doctest: +SKIP

    Args:
        name_or_path: `gpt2`, `gpt2-medium`, `distilgpt2`, … or any repository's name;
            or a directory with `config.json`, `model.safetensors` (or several, with an
            index) and `tokenizer.json` (or `vocab.json` and `merges.txt`); or a
            checkpoint of nanoGPT (`.pt`) or llama2.c (`.bin`), see `codebases`.
        device: Where to put the model: `cpu`, `cuda`, `auto`, …
        revision: A branch, tag or commit of the repository.
        offline: Whether to use only files on this machine.

    Returns:
        The model, in evaluation mode, its tokenizer, and their origin.

    Raises:
        CheckpointError: If it cannot be fetched, is incomplete or damaged, or has an
            unsupported setting; names the file and the field.
    """
    file = foreign_file(name_or_path)
    if file is not None:
        return open_foreign(file, device)
    directory = find_directory(name_or_path, revision, offline)
    model, notes = read_with_notes(directory)
    own = directory / OWN_TOKENIZER_FILE
    tokenizer = open_tokenizer(own if own.is_file() else directory)
    tokenizer = fitted(
        tokenizer, model.config.vocab_size, f"The tokenizer of {directory}"
    )
    metadata = CheckpointMetadata(
        model_type="transformer",
        model=model.config.to_dict(),
        provenance={
            "pretrained": str(name_or_path),
            "commit": commit_of(directory),
            **({"notes": " ".join(notes)} if notes else {}),
        },
    )
    return Checkpoint(model.to(resolve_device(str(device))), tokenizer, metadata)


def read_model(directory: Path) -> TransformerLM:
    """Read the settings and weights, without the tokenizer.

    Returns:
        The model, on the CPU and in evaluation mode.

    Raises:
        CheckpointError: As `from_pretrained`.
    """
    return read_with_notes(directory)[0]


def read_with_notes(directory: Path) -> tuple[TransformerLM, list[str]]:
    """Read the same, and sentences on what its owner would not expect."""
    _refuse_adapter(directory)
    shape, fields = _recognize(directory / CONFIG_FILE)
    model = build(shape, fields, lambda: WeightFiles(directory, shape))
    return model, fields.notes


def _refuse_adapter(directory: Path) -> None:
    """Refuse a directory that holds only what PEFT learned, not the model.

    Raises:
        CheckpointError: If it is one; with the remedy.
    """
    path = directory / ADAPTER_FILE
    has_weights = (directory / WEIGHTS_FILE).is_file()
    if not path.is_file() or has_weights or (directory / INDEX_FILE).is_file():
        return
    base = read_json(path).get("base_model_name_or_path")
    raise CheckpointError(
        f"{directory} is a PEFT adapter for {base!s:.80}, without the model itself: "
        "merge it first, with AutoPeftModelForCausalLM.from_pretrained(…)"
        ".merge_and_unload().save_pretrained(…), and save the tokenizer there too."
    )


def _recognize(path: Path) -> tuple[Shape, Fields]:
    """Find the shape that a `config.json` names.

    Raises:
        CheckpointError: If it is not supported.
    """
    content = read_json(path)
    if content.get("format") == "minigpt-checkpoint":
        raise CheckpointError(
            f"{path} belongs to a minigpt checkpoint: load it with minigpt.load."
        )
    named = content.get("model_type")
    for shape in SHAPES:
        if named in shape.model_types:
            return shape, Fields(path, content)
    known = [name for shape in SHAPES for name in shape.model_types]
    raise CheckpointError(
        f"{path}: model_type is {named!r:.80}, and this project reads "
        f"{', '.join(known)}."
    )
