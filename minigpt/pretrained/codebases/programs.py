"""The programs whose `.pt` and `.pth` open, and how each is recognised.

No file says which program wrote it, but their names for tensors do.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases import (
    from_scratch,
    llama2c,
    mingpt,
    nanochat,
    nanogpt,
    transformer_lens,
    tutorial,
)
from minigpt.pretrained.codebases.saved import Saved
from minigpt.pretrained.gpt2 import GPT2
from minigpt.pretrained.llama import LLAMA
from minigpt.pretrained.nanochat import NANOCHAT
from minigpt.pretrained.shape import Shape

Read = tuple[Mapping[str, Any], Mapping[str, Tensor]]
"""Settings and tensors, as a shape names them."""


class Codebase(NamedTuple):
    """One program."""

    title: str
    known_by: str
    """A tensor that its files have."""
    shape: Shape
    """How its weights are stored."""
    read: Callable[[Saved], Read]
    """Returns settings and tensors, and notes what it assumed."""
    is_its: Callable[[Saved], bool] = lambda _: True
    """Tells it from others that have the same names."""


def _nanogpt(saved: Saved) -> Read:
    saved.notes.append(nanogpt.ASSUMED)
    settings = saved.settings
    if not _has_model_args(saved):
        bias = "transformer.ln_f.bias" in saved.tensors
        settings = {**mingpt.settings_of(saved), "bias": bias}
    return settings, saved.tensors


def _is_nanogpt(saved: Saved) -> bool:
    """Whether the head is the embedding, as in nanoGPT; minGPT has a mask instead."""
    embedding = saved.tensors["transformer.wte.weight"]
    head = saved.tensors.get("lm_head.weight", embedding)
    return _has_model_args(saved) or torch.equal(head, embedding)


def _has_model_args(saved: Saved) -> bool:
    return "n_embd" in saved.settings and "model_type" not in saved.settings


def _is_turned(saved: Saved) -> bool:
    """Whether matrices are stored [in, out], as `transformers` does."""
    weight = saved.tensors.get("transformer.h.0.attn.c_attn.weight")
    return weight is not None and weight.ndim == 2 and weight.shape[0] < weight.shape[1]


def _gpt2(saved: Saved) -> Read:
    found: dict[str, Any] = mingpt.settings_of(saved)
    found["n_positions"] = found.pop("block_size")
    return found, saved.tensors


def _llama(saved: Saved) -> Read:
    saved.notes.append(llama2c.ASSUMED)
    return llama2c.read_pt(saved.path, saved.settings, saved.tensors)


def _metas_llama(saved: Saved) -> Read:
    if "dim" not in saved.settings:
        raise CheckpointError(
            f"{saved.path} does not say how many heads it has: put its params.json "
            "beside it."
        )
    if saved.path.with_name("consolidated.01.pth").exists():
        raise CheckpointError(
            f"{saved.path} is one of several parts, and this project reads Meta's "
            "Llamas of one part: let transformers convert them."
        )
    if saved.settings.get("use_scaled_rope"):
        raise CheckpointError(
            f"{saved.path}: its params.json has use_scaled_rope, without the numbers: "
            "open the same model in the format of transformers."
        )
    length = saved.settings.get("max_seq_len", 2048)
    saved.notes.append(
        f"params.json does not say for which length: assumed are {length} tokens."
    )
    rows = len(saved.tensors["tok_embeddings.weight"])
    settings = {**saved.settings, "max_seq_len": length, "vocab_size": rows}
    tensors = dict(saved.tensors)
    tensors.pop("rope.freqs", None)
    return llama2c.read_pt(saved.path, settings, tensors)


CODEBASES = (
    Codebase("nanochat", nanochat.KNOWN_BY, NANOCHAT, nanochat.read),
    Codebase(
        "nanoGPT",
        "transformer.wte.weight",
        nanogpt.NANOGPT,
        _nanogpt,
        lambda saved: not _is_turned(saved) and _is_nanogpt(saved),
    ),
    Codebase(
        "minGPT",
        "transformer.wte.weight",
        mingpt.MINGPT,
        lambda saved: (mingpt.settings_of(saved), saved.tensors),
        lambda saved: not _is_turned(saved),
    ),
    Codebase("transformers' GPT-2", "transformer.wte.weight", GPT2, _gpt2),
    Codebase(
        "llama2.c",
        "tok_embeddings.weight",
        LLAMA,
        _llama,
        lambda saved: "max_seq_len" in saved.settings,
    ),
    Codebase("Meta's Llama", "tok_embeddings.weight", LLAMA, _metas_llama),
    Codebase(
        "LLMs-from-scratch",
        "tok_emb.weight",
        from_scratch.FROM_SCRATCH,
        lambda saved: (from_scratch.settings_of(saved), saved.tensors),
    ),
    Codebase(
        "the tutorials",
        tutorial.KNOWN_BY,
        tutorial.TUTORIAL,
        tutorial.read,
        tutorial.is_its,
    ),
    Codebase(
        "TransformerLens",
        "embed.W_E",
        transformer_lens.TRANSFORMER_LENS,
        transformer_lens.read,
    ),
)
