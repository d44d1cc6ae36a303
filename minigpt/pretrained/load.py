"""Loads a model in the format of Hugging Face, with the same logits."""

from pathlib import Path

import torch

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.checkpoint.metadata import CONFIG_FILE, read_json
from minigpt.errors import CheckpointError
from minigpt.model import TransformerLM
from minigpt.model.device import resolve_device
from minigpt.pretrained.adapters import ADAPTER_FILE, AdaptedWeights, Adapter
from minigpt.pretrained.build import build
from minigpt.pretrained.codebases.opening import foreign_file, open_foreign
from minigpt.pretrained.codebases.tokens import OWN_TOKENIZER_FILE
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gemma import GEMMA, GEMMA2, GEMMA3
from minigpt.pretrained.gpt2 import GPT2
from minigpt.pretrained.hub import commit_of, find_directory
from minigpt.pretrained.llama import LLAMA, MISTRAL
from minigpt.pretrained.nanochat import NANOCHAT
from minigpt.pretrained.neo import NEO
from minigpt.pretrained.neox import NEOX
from minigpt.pretrained.opt import OPT
from minigpt.pretrained.qwen import QWEN2, QWEN3
from minigpt.pretrained.shape import Shape
from minigpt.pretrained.weights import INDEX_FILE, WEIGHTS_FILE, WeightFiles, Weights
from minigpt.tokenizers.enlarged import fitted
from minigpt.tokenizers.storage import open_tokenizer

SHAPES = (
    *(GPT2, QWEN2, LLAMA, MISTRAL, QWEN3, NEOX, NEO, OPT),
    *(GEMMA, GEMMA2, GEMMA3, NANOCHAT),
)


def from_pretrained(
    name_or_path: str | Path,
    device: str | torch.device = "cpu",
    *,
    revision: str | None = None,
    offline: bool = False,
    base: str | Path | None = None,
) -> Checkpoint:
    """Load a model in the format of Hugging Face, of GPT-2's shape or of Llama's.

    >>> model, tokenizer, _ = from_pretrained("gpt2")  # doctest: +SKIP

    Args:
        name_or_path: `gpt2`, `gpt2-medium`, `distilgpt2`, … or any repository's name;
            or a directory with `config.json`, `model.safetensors` (or several, with an
            index) and `tokenizer.json` (or `vocab.json` and `merges.txt`); or a
            checkpoint of another program (`.pt`, `.pth`, `.bin`), see `codebases`;
            or a directory with a LoRA adapter of PEFT.
        device: Where to put the model: `cpu`, `cuda`, `auto`, …
        revision: A branch, tag or commit of the repository.
        offline: Whether to use only files on this machine.
        base: The model that an adapter belongs to, named as `name_or_path` is.

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
    adapter = _adapter_of(directory, base)
    if adapter is not None and base is not None:
        directory = find_directory(base, None, offline)
    model, notes = read_with_notes(directory, adapter)
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


def read_with_notes(
    directory: Path, adapter: Adapter | None = None
) -> tuple[TransformerLM, list[str]]:
    """Read the same, and sentences on what its owner would not expect.

    Args:
        directory: The model's.
        adapter: What is added to its weights.
    """
    if adapter is None:
        _adapter_of(directory, None)
    shape, fields = _recognize(directory / CONFIG_FILE)

    def weights() -> Weights:
        own = WeightFiles(directory, shape)
        return own if adapter is None else AdaptedWeights(own, adapter)

    model = build(shape, fields, weights)
    if adapter is not None:
        fields.notes.append(
            f"An adapter's change is added to {len(adapter.parts)} of its matrices."
        )
    return model, fields.notes


def _adapter_of(directory: Path, base: str | Path | None) -> Adapter | None:
    """Read a directory that holds only what PEFT learned, not the model.

    Args:
        directory: Any.
        base: Which model it is said to belong to.

    Raises:
        CheckpointError: If it is one and no base is named, or the other way round.
    """
    path = directory / ADAPTER_FILE
    has_weights = (directory / WEIGHTS_FILE).is_file()
    if not path.is_file() or has_weights or (directory / INDEX_FILE).is_file():
        if base is not None:
            raise CheckpointError(
                f"{directory} is no PEFT adapter, so it takes no base: leave it out."
            )
        return None
    if base is not None:
        return Adapter(directory)
    named = read_json(path).get("base_model_name_or_path")
    raise CheckpointError(
        f"{directory} is a PEFT adapter for {named!s:.80}, without the model itself: "
        'name that as well, with from_pretrained(…, base="…") or import --base.'
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
