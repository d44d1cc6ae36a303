"""The tutorials' `best_model.pt`: a small transformer by plain names, its head biased.

    token_embedding  positional_encoding  blocks.0.norm1 .attention .norm2
    .feed_forward.linear1 .linear2  norm  head

The tutorials show these names and leave those within `attention` to the reader, so the
usual ones are looked for. Waves that were saved with the model are read as they are.

Source: the tutorials that this project began with; Vaswani et al. 2017,
arXiv:1706.03762, for the parts.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.config.own_model import Activation
from minigpt.errors import CheckpointError
from minigpt.model.positions import SinusoidalPositions
from minigpt.pretrained.codebases.nanogpt import NANOGPT
from minigpt.pretrained.codebases.saved import Saved
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import WeightPlace, layers

KNOWN_BY = "token_embedding.weight"
_FIRST = re.compile(r"(\w+)\.0\.feed_forward\.linear1\.weight")
_USUAL = {128: 4, 256: 4, 512: 8, 768: 12}
_ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "gelu": "gelu_exact",
    "gelu_tanh": "gelu",
}
_ATTENTION = {
    "query": ("query", "W_q", "w_q", "q_linear", "q_proj", "wq"),
    "key": ("key", "W_k", "w_k", "k_linear", "k_proj", "wk"),
    "value": ("value", "W_v", "w_v", "v_linear", "v_proj", "wv"),
    "output": ("output", "W_o", "w_o", "out_linear", "out_proj", "out", "o_proj", "wo"),
}
_NORMS = ("norm", "final_norm", "ln_f", "norm_f", "layer_norm", "ln_final")
_POSITIONS = ("positional_encoding", "position_embedding", "pos_encoding", "pos_embed")


def is_its(saved: Saved) -> bool:
    """Whether a file has the tutorials' names for its blocks."""
    return any(map(_FIRST.fullmatch, saved.tensors))


def read(saved: Saved) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    """Return settings and tensors, under one of the possible names each.

    Raises:
        CheckpointError: If a part is missing; names it.
    """
    blocks = next(m[1] for m in map(_FIRST.fullmatch, saved.tensors) if m)
    tensors = {
        name.replace(f"{blocks}.", "blocks.", 1): part
        for name, part in saved.tensors.items()
        if not name.endswith((".mask", ".causal_mask"))
    }
    first = [name for name in tensors if name.startswith("blocks.0.attention.")]
    renamed = {
        f".attention.{_one_of(saved, words, first, 'blocks.0.attention.')}.": (
            f".attention.{part}."
        )
        for part, words in _ATTENTION.items()
    }
    norm = _one_of(saved, _NORMS, [name for name in tensors if name.count(".") == 1])
    renamed |= {f"{norm}.": "norm."}
    found = {_renamed(name, renamed, norm): part for name, part in tensors.items()}
    table = _positions(saved, found)
    found["positions"] = table
    activation = str(saved.settings.get("activation", "relu"))
    d_model = saved.size(KNOWN_BY, 1)
    saved.notes.append(
        "A tutorial's file does not say what its forward does: assumed are norms "
        f"before attention and MLP, {activation} in the MLP, and embeddings as stored."
    )
    settings = {
        "vocab_size": saved.size(KNOWN_BY),
        "d_model": d_model,
        "num_layers": saved.count(f"{blocks}."),
        "num_heads": saved.num_heads(d_model, _USUAL),
        "d_ff": saved.size(f"{blocks}.0.feed_forward.linear1.weight"),
        "max_seq_len": len(table),
        "activation": activation,
        "qkv_bias": "blocks.0.attention.query.bias" in found,
        "head_bias": "head.bias" in found,
    }
    return settings, found


def _renamed(name: str, renamed: Mapping[str, str], norm: str) -> str:
    for theirs, ours in renamed.items():
        if theirs in name and (theirs != f"{norm}." or name.startswith(theirs)):
            return name.replace(theirs, ours, 1)
    return name


def _one_of(
    saved: Saved, words: tuple[str, ...], names: list[str], prefix: str = ""
) -> str:
    """Return the word that one of the tensors has for a part."""
    for word in words:
        if f"{prefix}{word}.weight" in names:
            return word
    raise CheckpointError(
        f"{saved.path} looks like a tutorial's model, and has no tensor "
        f"{prefix}{words[0]}.weight (or {', '.join(words[1:])}): rename the one that "
        "it is."
    )


def _positions(saved: Saved, found: dict[str, Tensor]) -> Tensor:
    """Take the table of positions, [pos d_model], learned or of waves."""
    for name in list(found):
        if name.split(".")[0] in _POSITIONS:
            table = found.pop(name)
            return table.reshape(-1, table.shape[-1])
    width, longest = saved.size(KNOWN_BY, 1), saved.settings.get("max_seq_len")
    if type(longest) is not int or not 0 < longest <= 2**16:
        raise CheckpointError(
            f"{saved.path} holds no table of positions: write "
            '{"max_seq_len": 128}, or what it is, into a JSON file of its name.'
        )
    return SinusoidalPositions(longest, width)(0, longest)


def read_settings(fields: Fields) -> ModelConfig:
    """Translate what `read` found."""
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=fields.take("d_model", int),
        num_layers=fields.take("num_layers", int),
        num_heads=fields.take("num_heads", int),
        d_ff=fields.take("d_ff", int),
        max_seq_len=fields.take("max_seq_len", int),
        activation=fields.choose("activation", _ACTIVATIONS, "relu"),
        qkv_bias=fields.take("qkv_bias", bool),
        head_bias=fields.take("head_bias", bool),
        tie_embeddings=False,
    )


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors, by the first of the possible names."""
    width = config.d_model
    block = {}
    for kind in ("weight", "bias"):
        if kind == "weight" or config.has_qkv_bias:
            block[f"attn.qkv.{kind}"] = WeightPlace(
                tuple(f"attention.{part}.{kind}" for part in ("query", "key", "value")),
                rows=(width, width, width),
            )
        for ours, theirs in [
            ("ln1", "norm1"),
            ("ln2", "norm2"),
            ("attn.output", "attention.output"),
            ("mlp.input", "feed_forward.linear1"),
            ("mlp.output", "feed_forward.linear2"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
    found = {
        "token_embedding.weight": WeightPlace((KNOWN_BY,)),
        "position_embedding.weight": WeightPlace(("positions",)),
        **layers(config, block, "blocks.{}."),
        "ln_final.weight": WeightPlace(("norm.weight",)),
        "ln_final.bias": WeightPlace(("norm.bias",)),
        "head.weight": WeightPlace(("head.weight",)),
    }
    if config.head_bias:
        found["head.bias"] = WeightPlace(("head.bias",))
    return found


TUTORIAL = replace(
    NANOGPT,
    title="tutorial",
    prefix="",
    no_weights=r"(?!)",  # none
    read=read_settings,
    places=places,
    head="head.weight",
)
