"""From another program's checkpoint to a model, and what was assumed of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.checkpoint.metadata import CONFIG_FILE
from minigpt.errors import CheckpointError
from minigpt.model import TransformerLM
from minigpt.model.device import resolve_device
from minigpt.pretrained.build import build
from minigpt.pretrained.codebases import llama2c
from minigpt.pretrained.codebases.programs import CODEBASES
from minigpt.pretrained.codebases.saved import read_saved
from minigpt.pretrained.codebases.tokens import tokenizer_beside
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.llama import LLAMA
from minigpt.pretrained.shape import Shape
from minigpt.pretrained.weights import TensorsInMemory
from minigpt.regular_files import expanded, is_regular, named_directory
from minigpt.tokenizers.enlarged import fitted

NAMES = (
    *("ckpt.pt", "model.bin", "model.pt", "model.pth", "consolidated.00.pth"),
    "best_model.pt",
)
"""What their programs call the file, if only its directory is named."""
KINDS = (".pt", ".pth", ".bin")


def foreign_file(name: str | Path) -> Path | None:
    """Return the checkpoint that a path leads to, if it is of these programs.

    Args:
        name: A file; or a directory that holds one, and no `config.json`.

    Raises:
        CheckpointError: If it is called as their files are, and there is none.
    """
    directory = named_directory(str(name))
    if directory is not None:
        if (directory / CONFIG_FILE).exists():
            return None
        files = (directory / file for file in NAMES)
        return next((file for file in files if file.is_file()), None)
    if Path(name).suffix not in KINDS:
        return None
    path = expanded(name)
    if not is_regular(path):
        raise CheckpointError(
            f"There is no file {str(name)!r:.200}, which would be a checkpoint of "
            "nanoGPT (.pt), LLMs-from-scratch (.pth) or llama2.c (.bin)."
        )
    return path


def open_foreign(file: Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Open a checkpoint of one of `CODEBASES`, or a `.bin`. See `from_pretrained`.

    Raises:
        CheckpointError: If it is none of them, damaged, or without a tokenizer.
    """
    if file.suffix == ".bin":
        settings, tensors = llama2c.read_bin(file)
        model, notes = _build(file, LLAMA, settings, tensors, [llama2c.ASSUMED])
    else:
        model, notes = _from_torch(file)
    tokenizer = fitted(
        tokenizer_beside(file),
        model.config.vocab_size,
        f"The tokenizer beside {file}",
    )
    metadata = CheckpointMetadata(
        model_type="transformer",
        model=model.config.to_dict(),
        provenance={"pretrained": str(file), "notes": " ".join(notes)},
    )
    return Checkpoint(model.to(resolve_device(str(device))), tokenizer, metadata)


def _from_torch(file: Path) -> tuple[TransformerLM, list[str]]:
    """Tell by its tensors' names which program saved a `.pt`."""
    saved = read_saved(file)
    for codebase in CODEBASES:
        if codebase.known_by in saved.tensors and codebase.is_its(saved):
            settings, tensors = codebase.read(saved)
            return _build(file, codebase.shape, settings, tensors, saved.notes)
    known = dict.fromkeys(each.title for each in CODEBASES)
    raise CheckpointError(
        f"{file} has a tensor {next(iter(saved.tensors))!r:.80}, and is none of those "
        f"that this project reads: {', '.join(known)}."
    )


def _build(
    file: Path,
    shape: Shape,
    settings: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    notes: list[str],
) -> tuple[TransformerLM, list[str]]:
    fields = Fields(file, settings)
    model = build(shape, fields, lambda: TensorsInMemory(file, tensors, shape))
    return model, [*notes, *fields.notes]
