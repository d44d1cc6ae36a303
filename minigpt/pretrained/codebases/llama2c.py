"""llama2.c's checkpoints: a Llama as a header and numbers (`.bin`), or as a `.pt`.

    .bin, version 0: 7 integers; then all numbers as 32-bit floats, part after part
    .bin, version 1: "ak42", version, 7 integers, a byte, padding to 256; norms first

Names are Meta's. They turn neighbours as pairs, (2i, 2i + 1); here, as in
`transformers`, a pair is (i, i + d_head / 2). So the rows that make queries and keys
change their places, which changes no score.

Source: Karpathy 2023, github.com/karpathy/llama2.c, `export.py` and `run.c`.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from minigpt.errors import CheckpointError

MAGIC = 0x616B3432
_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
}
_ENDS = {
    "tok_embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
ASSUMED = (
    "llama2.c's file does not say: assumed are RoPE's base 10000 and 0.00001 in the "
    "norms, as its own programs do."
)


class Header(NamedTuple):
    """The seven integers that a `.bin` begins with."""

    dim: int
    hidden_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    max_seq_len: int


def read_bin(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a `.bin`: its settings and tensors, by the names of `transformers`.

    Raises:
        CheckpointError: If it is of another kind, quantized, or too short or long.
    """
    with path.open("rb") as file:
        start = file.read(256)
    header, version, shared = _read_header(path, start)
    begin = 28 if version == 0 else 256
    sizes = list(_sizes(header, version, shared))
    needed = begin + 4 * sum(int(np.prod(size)) for _, size in sizes)
    if needed != path.stat().st_size:
        raise CheckpointError(
            f"{path} is no .bin of llama2.c: its first numbers describe a model of "
            f"{needed:,} bytes, and it has {path.stat().st_size:,}."
        )
    # Copied on writing, so that the file stays as it is.
    numbers = np.memmap(path, dtype="<f4", mode="c", offset=begin)
    tensors, place = {}, 0
    for name, size in sizes:
        count = int(np.prod(size))
        part = torch.from_numpy(numbers[place : place + count].reshape(size))
        place += count
        if "{}" not in name:
            tensors[name] = part
            continue
        for layer in range(header.n_layers):
            tensors[name.format(layer)] = part[layer]
    tensors.pop("freqs", None)
    return _settings(header._asdict(), shared), as_llama(
        path, tensors, header._asdict()
    )


def _read_header(path: Path, start: bytes) -> tuple[Header, int, bool]:
    """Return the header, the version and whether the head is the embedding."""
    if start.startswith((b"PK", b"\x80")):
        raise CheckpointError(
            f"{path} is a pickle, not a .bin of llama2.c: let transformers convert it "
            "(AutoModelForCausalLM.from_pretrained(…).save_pretrained(…)), and open "
            "the directory."
        )
    try:
        version, begin, shared = 0, 0, True
        if struct.unpack_from("<I", start)[0] == MAGIC:
            version, begin = struct.unpack_from("<i", start, 4)[0], 8
            shared = bool(start[8 + 28])
        header = Header(*struct.unpack_from("<7i", start, begin))
    except (struct.error, IndexError):
        raise CheckpointError(f"{path} is too short for a .bin of llama2.c.") from None
    if version not in (0, 1):
        raise CheckpointError(
            f"{path} is a .bin of llama2.c of version {version}"
            f"{', which is quantized' if version == 2 else ''}: export version 0 or 1."
        )
    if version == 0:  # a negative size says that the head is a matrix of its own
        shared = header.vocab_size > 0
        header = header._replace(vocab_size=abs(header.vocab_size))
    fits = min(header) > 0 and max(header) <= 2**24 and header.dim % header.n_heads == 0
    if not fits:
        raise CheckpointError(
            f"{path} is no .bin of llama2.c: it begins with {tuple(header)}."
        )
    return header, version, shared


def _sizes(
    header: Header, version: int, shared: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the parts of a `.bin` in order: Meta's names, of all layers at once."""
    dim, hidden, layers, heads, kv_heads, vocab, length = header
    kv_width = dim // heads * kv_heads
    block = "layers.{}."
    norms = [(f"{block}{name}_norm.weight", (layers, dim)) for name in _NORMS]
    matrices = {
        "attention.wq": (dim, dim),
        "attention.wk": (kv_width, dim),
        "attention.wv": (kv_width, dim),
        "attention.wo": (dim, dim),
        "feed_forward.w1": (hidden, dim),
        "feed_forward.w2": (dim, hidden),
        "feed_forward.w3": (hidden, dim),
    }
    products = [
        (f"{block}{name}.weight", (layers, *size)) for name, size in matrices.items()
    ]
    embedding, last = ("tok_embeddings.weight", (vocab, dim)), ("norm.weight", (dim,))
    if version == 1:
        yield from (*norms, last, embedding, *products)
    else:
        yield from (embedding, norms[0], *products[:4], norms[1], *products[4:], last)
        yield "freqs", (2, length, dim // heads // 2)  # cosines and sines, not needed
    if not shared:
        yield "output.weight", (vocab, dim)


_NORMS = ("attention", "ffn")


def read_pt(
    path: Path, args: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `train.py` saved: its settings and tensors, as `read_bin` does.

    Args:
        path: The file, for error messages.
        args: Its `model_args`.
        tensors: Its `model`, without what torch.compile put before the names.

    Raises:
        CheckpointError: If a setting or a tensor is missing.
    """
    try:
        shape = {**args, "n_kv_heads": args.get("n_kv_heads") or args["n_heads"]}
        shape["hidden_dim"] = len(tensors["layers.0.feed_forward.w1.weight"])
        embedding = tensors["tok_embeddings.weight"]
        shared = torch.equal(tensors.get("output.weight", embedding), embedding)
        left_out = {"output.weight"} if shared else set()
        kept = {name: part for name, part in tensors.items() if name not in left_out}
        return _settings(shape, shared), as_llama(path, kept, shape)
    except KeyError as error:
        raise CheckpointError(f"{path}: {error} is missing.") from None


def _settings(shape: Mapping[str, Any], shared: bool) -> dict[str, Any]:
    """Translate the settings into those of a `config.json` of a Llama."""
    return {
        "vocab_size": shape["vocab_size"],
        "hidden_size": shape["dim"],
        "intermediate_size": shape["hidden_dim"],
        "num_hidden_layers": shape["n_layers"],
        "num_attention_heads": shape["n_heads"],
        "num_key_value_heads": shape["n_kv_heads"],
        "max_position_embeddings": shape["max_seq_len"],
        "rms_norm_eps": shape.get("norm_eps", 1e-5),
        "rope_theta": shape.get("rope_theta", 10_000.0),
        "tie_word_embeddings": shared,
    }


def as_llama(
    path: Path, tensors: Mapping[str, Tensor], shape: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Give tensors the names and the order of pairs that `transformers` has.

    Args:
        path: The file, for error messages.
        tensors: By Meta's names.
        shape: With `n_heads` and `n_kv_heads`.

    Raises:
        CheckpointError: If a matrix of queries or keys is not that many heads of pairs.
    """
    found = {}
    for name, tensor in tensors.items():
        _, _, rest = name.partition(".")
        number, _, part = rest.partition(".")
        theirs = _BLOCK.get(part.removesuffix(".weight"))
        if theirs is None:
            found[_ENDS.get(name, name)] = tensor
            continue
        if theirs.endswith(("q_proj", "k_proj")):
            heads = shape["n_heads" if theirs.endswith("q_proj") else "n_kv_heads"]
            if type(heads) is not int or heads < 1 or not _has_pairs(tensor, heads):
                raise CheckpointError(
                    f"{path}: the tensor {name!r} has shape {list(tensor.shape)}, and "
                    f"its settings describe {heads!r:.40} heads whose rows are pairs."
                )
            # [head pair 2 d_model]
            pairs = tensor.reshape(heads, -1, 2, tensor.shape[1])
            tensor = pairs.transpose(1, 2).reshape(tensor.shape)
        found[f"model.layers.{number}.{theirs}.weight"] = tensor
    return found


def _has_pairs(tensor: Tensor, heads: int) -> bool:
    return tensor.ndim == 2 and len(tensor) > 0 and len(tensor) % (2 * heads) == 0
