"""What of a checkpoint goes into a lesson file, and which checkpoints fit into one."""

import base64
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from minigpt.checkpoint import Checkpoint
from minigpt.errors import ConfigError, near_names
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.lora import without_adapter
from minigpt.model.sizes import num_parameters
from minigpt.quantization import dequantize
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.byte_pair.text_rules import GPT2_RULES
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.tokenizers.words import WordTokenizer

Weights = npt.NDArray[np.float32]

LESSONS = {
    "home": "The journey of a token",
    "attention": "Attention",
    "head_explorer": "Head explorer",
    "generation": "Generation",
    "beam_search": "Beam search",
    "tokenizer": "Tokenizer",
    "logit_lens": "Logit lens",
}
"""The lessons of a file, by the address of the app's page."""

MOST_WEIGHTS = 25_000_000
"""100 MB of numbers, a file of 130 MB: a phone opens no more."""


@dataclass(frozen=True)
class Contents:
    """A model for a browser."""

    settings: dict[str, Any]
    """JSON types: `config`, `tokenizer`, `model_hash`, and `weights`: each one's name
    and shape."""
    weights: str
    """All weights in that order: 32-bit floats, gzipped, in base64."""


def why_not(model: LanguageModel, tokenizer: Tokenizer) -> str:
    """Say in one sentence why a model cannot be put into a file; empty if it can."""
    if not isinstance(model, TransformerLM):
        return (
            f"A lesson file shows attention heads, and a model of kind {model.kind} "
            "has none: choose a transformer."
        )
    count = num_parameters(model.config)
    if count > MOST_WEIGHTS:
        return (
            f"This model has {count:,} weights, and a lesson file holds at most "
            f"{MOST_WEIGHTS:,}: choose a smaller model."
        )
    if not isinstance(tokenizer, CharTokenizer | WordTokenizer | BPETokenizer) or (
        isinstance(tokenizer, BPETokenizer) and not _is_plain(tokenizer)
    ):
        return (
            "A lesson file knows characters, words and GPT-2's byte pairs, and this "
            "model's tokenizer follows other rules: choose another model."
        )
    return ""


def require_lesson(name: str) -> None:
    """Refuse a lesson that no file has.

    Raises:
        ConfigError: With the names there are.
    """
    if name not in LESSONS:
        raise ConfigError(
            f"There is no lesson file of {name!r}: choose {', '.join(LESSONS)}."
            f"{near_names(name, LESSONS)}"
        )


def contents(checkpoint: Checkpoint) -> Contents:
    """Pack a checkpoint.

    Args:
        checkpoint: A transformer; an adapter is merged into its weights.

    Raises:
        ConfigError: If it cannot be put into a file (`why_not`).
    """
    model, tokenizer, _ = checkpoint
    reason = why_not(model, tokenizer)
    if reason or not isinstance(model, TransformerLM):
        raise ConfigError(reason)
    weights, config = plain_weights(model), model.config
    sizes = ("d_head", "kv_heads", "mlp_width", "windows", "is_gated")
    return Contents(
        settings={
            # All options, those too that a checkpoint leaves out.
            "config": dict(config) | {name: getattr(config, name) for name in sizes},
            "tokenizer": tokenizer.to_dict(),
            "eos": tokenizer.eos_id,
            "model_hash": model_hash(weights),
            "weights": [
                {"name": name, "shape": list(array.shape)}
                for name, array in weights.items()
            ],
        },
        weights=packed(weights),
    )


def plain_weights(model: LanguageModel) -> dict[str, Weights]:
    """Return a model's weights by name, without an adapter, as 32-bit floats.

    Of a quantized model, the numbers that its integers stand for.
    """
    if isinstance(model, TransformerLM) and model.adapter is not None:
        model = without_adapter(model)
    if model.quantization is not None:
        model = dequantize(model)
    return {
        name: tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        for name, tensor in model.state_dict().items()
    }


def packed(weights: Mapping[str, Weights]) -> str:
    """Pack weights, one after the other: the low byte first, gzipped, in base64."""
    # The same model gives the same file: no time of day in it.
    made = gzip.compress(b"".join(_as_bytes(weights)), 6, mtime=0)
    return base64.b64encode(made).decode("ascii")


def model_hash(weights: Mapping[str, Weights]) -> str:
    """Return what tells a model's weights from others: 16 digits of their SHA-256."""
    digest = hashlib.sha256()
    for part in _as_bytes(weights):
        digest.update(part)
    return digest.hexdigest()[:16]


def _as_bytes(weights: Mapping[str, Weights]) -> Iterator[bytes]:
    return (array.astype("<f4", copy=False).tobytes() for array in weights.values())


def _is_plain(tokenizer: BPETokenizer) -> bool:
    """Whether a text is cut as GPT-2 cuts it, and a special token is nothing else."""
    merged = {left + right for left, right in tokenizer.merges}
    names = {
        name.encode("utf-8", "replace") for name in tokenizer.special_tokens.values()
    }
    return tokenizer.rules == GPT2_RULES and not names & merged
