"""Writes a model as a directory that `transformers` loads, with equal logits."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.atomic_writes import replaced_directory
from minigpt.checkpoint.metadata import CONFIG_FILE
from minigpt.checkpoint.tensors import write_tensors
from minigpt.config import ModelConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.model import LanguageModel, TransformerLM
from minigpt.pretrained.codebases.tokens import OWN_TOKENIZER_FILE
from minigpt.pretrained.load import SHAPES
from minigpt.pretrained.shape import Shape
from minigpt.pretrained.weights import WEIGHTS_FILE, parts
from minigpt.quantization import dequantize
from minigpt.tokenizers import BPETokenizer, Tokenizer
from minigpt.tokenizers.adapted import AdaptedTokenizer
from minigpt.tokenizers.storage import WRITTEN_FOR_OTHERS


def export_pretrained(
    model: LanguageModel, tokenizer: Tokenizer, directory: Path | str
) -> Path:
    """Write a model in the format of Hugging Face: all of it, or nothing.

    Weights that the format requires and the model lacks get neutral values: a bias of
    0, a scale of 1, positions of 0. The logits stay exactly the same.

    A word tokenizer is saved in minigpt's own format, which `from_pretrained` reads;
    `transformers` then loads only the model.

    Args:
        model: A transformer with settings that GPT-2 or Llama can have.
        tokenizer: Its tokenizer.
        directory: Where to write; it must be new or empty.

    Returns:
        The directory.

    Raises:
        ConfigError: If neither shape can express the model; names the settings.
        CheckpointError: If the directory is not empty, or cannot be written.
    """
    directory = Path(directory)
    if not isinstance(model, TransformerLM):
        raise ConfigError(
            "Only a TransformerLM can be exported: transformers has no MLPLM."
        )
    if model.quantization is not None:
        model = dequantize(model)
    shape = fitting_shape(model.config)
    if directory.is_file() or (directory.is_dir() and any(directory.iterdir())):
        raise CheckpointError(
            f"{directory} exists and is not empty: choose a new place to export to."
        )
    try:
        with replaced_directory(directory) as beside:
            _write_settings(beside, model, tokenizer, shape)
            _write_tokenizer(beside, tokenizer, model.config.max_seq_len)
            tensors = _their_tensors(model, shape)
            write_tensors(beside / WEIGHTS_FILE, tensors, {"format": "pt"})
    except OSError as error:
        raise CheckpointError(
            f"{directory} could not be written: {error.strerror or error}. Nothing was "
            "left there; make room and try again."
        ) from error
    return directory


def fitting_shape(config: ModelConfig) -> Shape:
    """Choose the shape that can express the settings.

    Raises:
        ConfigError: If none can; explains why.
    """
    misfits = {shape.title: shape.misfits(config) for shape in SHAPES if shape.write}
    for shape in SHAPES:
        if misfits.get(shape.title) == []:
            return shape
    nearest = sorted(misfits, key=lambda title: len(misfits[title]))[:2]
    reasons = (f"{title}'s: {'; '.join(misfits[title])}" for title in nearest)
    raise ConfigError(
        f"This model fits no shape that can be exported ({', '.join(misfits)}). Of the "
        f"nearest, {'. '.join(reasons)}. Train a model with the settings of one of "
        "them, for instance with --recipe gpt2."
    )


def _write_settings(
    directory: Path, model: TransformerLM, tokenizer: Tokenizer, shape: Shape
) -> None:
    ends = {
        "bos_token_id": tokenizer.bos_id,
        "eos_token_id": tokenizer.eos_id,
        "pad_token_id": tokenizer.pad_id,
    }
    if shape.write is None:
        raise ConfigError(f"No model is written in {shape.title}'s shape.")
    config = {
        "model_type": shape.model_types[0],
        "architectures": [shape.architecture],
        "dtype": "float32",
        **shape.write(shape.complete(model.config)),
        **ends,
    }
    _write_json(directory / CONFIG_FILE, config)
    _write_json(directory / "generation_config.json", ends)


def _write_tokenizer(directory: Path, tokenizer: Tokenizer, max_length: int) -> None:
    if isinstance(tokenizer, WRITTEN_FOR_OTHERS):
        tokenizer.save_huggingface(directory)
        roles = ("bos", "eos", "unk", "pad")
        ids = {f"{role}_token": getattr(tokenizer, f"{role}_id") for role in roles}
        special = {
            role: tokenizer.special_tokens[token]
            for role, token in ids.items()
            if token is not None
        }
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "clean_up_tokenization_spaces": False,
            **special,
        }
        _write_json(directory / "tokenizer_config.json", settings)
    if not isinstance(tokenizer, BPETokenizer | AdaptedTokenizer):
        tokenizer.save(directory / OWN_TOKENIZER_FILE)


def _their_tensors(model: TransformerLM, shape: Shape) -> dict[str, Tensor]:
    """Return the tensors to write, under the shape's names."""
    full = shape.complete(model.config)
    places = shape.places(full)
    with torch.device("meta"):
        wanted = TransformerLM(**full.to_dict()).state_dict()
    own = model.state_dict()
    tensors = {}
    for name, like in wanted.items():
        weight = own[name] if name in own else _neutral(model, name, like)
        place = places[name]
        pieces = parts(weight.detach().cpu().float(), place)
        for number, (theirs, part) in enumerate(pieces):
            tensors[theirs] = place.write(number, part)
    return tensors


def _neutral(model: TransformerLM, name: str, like: Tensor) -> Tensor:
    """Return a neutral value for a weight that the model lacks.

    Sinusoidal positions are not a weight here, but they are in the file.
    """
    if name == "position_embedding.weight" and model.position_embedding is not None:
        return model.position_embedding(0, len(like))
    *_, part, kind = name.split(".")
    scales = part.startswith("ln") and kind == "weight"
    return torch.full(like.shape, 1.0 if scales else 0.0)


def _write_json(path: Path, fields: dict[str, Any]) -> None:
    text = json.dumps(fields, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
