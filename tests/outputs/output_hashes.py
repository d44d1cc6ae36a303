"""What `unchanged_outputs` measures with and on: hashes, texts, models, tokenizers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets import generate_tales
from minigpt.model import LanguageModel, create_model
from minigpt.tokenizers import Tokenizer, build_tokenizer

ROOT = Path(__file__).parents[2]
Values = dict[str, Any]

TEXTS = {
    "story": "Once upon a time Mia had a red kite. Tom lost his drum near the lake.",
    "code": "def f(x):\n    return {'a': x ** 2}  # square\n\tprint(f(10) != 1e3)\n",
    "emoji": "Mia 👩🏽‍🚀 saw 🙂🙂 and a 🪁!",
    "chinese": "你好，世界！我有一个红色的风筝。",
    "trailing spaces": "the kite was red.   \n  ",
}
MODELS = {
    "glass": "glass",
    "induction-0": "induction/checkpoints/checkpoint_step_0",
    "induction-102": "induction/checkpoints/checkpoint_step_102",
    "induction-400": "induction",
    "tales": "tales",
    "tales-chat": "tales-chat",
}
PROMPTS = dict.fromkeys(MODELS, "Once upon a time there was a cat. Mia had a red")
PROMPTS |= {
    name: "Mia met Tom. the sun was up. then Ana fed Sam. Mia met"
    for name in MODELS
    if name.startswith("induction")
}
VARIANTS: dict[str, dict[str, Any]] = {
    **{
        f"positions {name}": {"positional_encoding": name}
        for name in ("learned", "sinusoidal", "rope", "alibi", "relative", "none")
    },
    **{f"norm {name}": {"norm": name} for name in ("layernorm", "rmsnorm")},
    **{
        f"activation {name}": {"activation": name}
        for name in ("gelu", "gelu_exact", "relu", "relu2", "swiglu", "geglu")
    },
    "norm without weights": {"norm_affine": False},
    "no bias": {"bias": False},
    "untied": {"tie_embeddings": False, "embedding_std": 0.1},
    "grouped heads": {"num_kv_heads": 1},
    "no mlp": {"d_ff": 0},
    "normalised queries": {"qk_norm": True, "positional_encoding": "rope"},
    "token shift": {"token_shift": True},
    "embedding norm": {"embedding_norm": True, "embedding_std": 0.05},
    "value embeddings": {"value_embeddings": True},
    "gains by head": {"positional_encoding": "relative", "relative_gain": (2.0, 9.0)},
    "parallel mlp, turned in part": {
        "parallel_mlp": True,
        "qkv_bias": False,
        "positional_encoding": "rope",
        "rope_dim": 2,
        "rope_factor": 2.0,
        "rope_trained_length": 8,
    },
    "windows, bent, norms behind": {
        "positional_encoding": "rope",
        "rope_local_base": 50.0,
        "attention_window": [4, 0],
        "post_norms": True,
        "attention_softcap": 2.0,
        "logit_softcap": 9.0,
        "embedding_scale": 3.0,
    },
    "head with a bias": {"tie_embeddings": False, "head_bias": True},
    "mlp model": {"model_type": "mlp"},
}


def digest(value: Any) -> str:
    """Return a short hash of bytes, text, a tensor (type, shape, bytes) or JSON."""
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().contiguous().numpy()
        value = f"{array.dtype} {array.shape} ".encode() + array.tobytes()
    elif not isinstance(value, bytes):
        value = json.dumps(value, ensure_ascii=False).encode()
    return sha256(value).hexdigest()[:16]


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: with several, sums may be taken in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def arithmetic() -> str:
    """Return a hash of how this machine and this torch round: plain torch, no model."""
    torch.manual_seed(2024)
    results = []
    # The products of the models that are measured: width 16 to 512, one row or many.
    for rows, inner, columns in (
        (1, 16, 48), (1, 128, 512), (1, 512, 128), (13, 16, 64), (13, 64, 615),
        (13, 128, 384), (13, 512, 128), (13, 128, 1280), (64, 32, 32), (64, 16, 400),
    ):  # fmt: skip
        left, right = torch.randn(rows, inner), torch.randn(columns, inner)
        x = (left @ right.T).requires_grad_()
        y = F.layer_norm(F.gelu(x), (columns,)).softmax(-1)
        y.square().sum().backward()
        results += [x, y, x.grad, x.exp(), x.tanh(), x.square().mean(-1).rsqrt()]
        results += [(left.bfloat16() @ right.T.bfloat16()).float(), x.sin(), x.std()]
        results += [torch.multinomial(y, 3, replacement=True)]
    for length, width in ((1, 8), (13, 16), (13, 32), (64, 32)):
        q, k, v = torch.randn(3, 2, 4, length, width)
        results.append(F.scaled_dot_product_attention(q, k, v, is_causal=True))
        mask = torch.randn(4, length, length)
        results.append(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    return digest("".join(map(digest, results)))


def files(directory: Path) -> Values:
    return {
        str(path.relative_to(directory)): digest(path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@cache
def shipped(name: str) -> Checkpoint:
    """Open a model that comes with the package."""
    found = load_checkpoint(ROOT / "data" / "models" / MODELS[name])
    found.model.eval()
    return found


@cache
def trained(kind: str) -> Tokenizer:
    """Train a tokenizer on tales."""
    config = TokenizerConfig(kind=kind, vocab_size=400)
    return build_tokenizer(config, generate_tales(30_000, seed=1))


def sizes() -> Values:
    """Return the sizes of a small transformer."""
    return {
        "vocab_size": trained("bpe").vocab_size, "d_model": 16, "num_layers": 2,
        "num_heads": 2, "max_seq_len": 16,
    }  # fmt: skip


def fresh(name: str) -> LanguageModel:
    """Build an untrained model of `VARIANTS`, always with the same seed."""
    torch.manual_seed(1337)
    settings = VARIANTS[name]
    if settings.get("model_type") == "mlp":
        small = {"d_model": 8, "d_ff": 32, "context_size": 4, "max_seq_len": 16}
        return create_model("mlp", vocab_size=sizes()["vocab_size"], **small).eval()
    return create_model("transformer", **sizes() | settings).eval()


def exact(like: torch.Tensor) -> torch.Tensor:
    """Return numbers that 16 bits hold without rounding: multiples of 1/256."""
    values = (np.arange(like.numel()) * 37 % 101 - 50) / 256
    return torch.from_numpy(values.astype(np.float32)).view(like.shape)
