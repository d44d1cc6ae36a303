"""nanochat's `model_000650.pt`: the weights alone, with `meta_000650.json` beside.

Read is the model that was published in October 2025. What it got since then, such as
scales of the stream or gates of values, is refused by name.

Source: Karpathy 2025, github.com/karpathy/nanochat, `gpt.py`, `checkpoint_manager.py`.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases.saved import Saved

KNOWN_BY = "transformer.h.0.attn.c_q.weight"
ASSUMED = (
    "nanochat's file does not say: assumed are RoPE's base 10000, logits within ±15, "
    "and the smallest number that 32 bits add to 1 in the norms, as its program had "
    "them when it was published."
)
_USUAL = {128 * heads: heads for heads in range(1, 65)}
"""Heads by width: each is 128 wide."""
_PARTS = {
    "attn.c_q": "self_attn.q_proj",
    "attn.c_k": "self_attn.k_proj",
    "attn.c_v": "self_attn.v_proj",
    "attn.c_proj": "self_attn.o_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_ENDS = {
    "transformer.wte.weight": "model.embed_tokens.weight",
    "lm_head.weight": "lm_head.weight",
}


def read(saved: Saved) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    """Translate settings and names into those of `transformers`.

    Raises:
        CheckpointError: If it has what came later, or lacks a tensor.
    """
    names = {name: _theirs(name) for name in saved.tensors}
    later = sorted({_short(name) for name, theirs in names.items() if theirs is None})
    pattern = str(saved.settings.get("window_pattern", "L"))
    if set(pattern.upper()) != {"L"}:
        later.append(f"window_pattern {pattern!r:.20}")
    if later:
        raise CheckpointError(
            f"{saved.path} has {', '.join(later)}, which nanochat got after it was "
            "published, and this project reads its first version: open a checkpoint of "
            "that one."
        )
    saved.notes.append(ASSUMED)
    d_model = saved.size("transformer.wte.weight", 1)
    heads = saved.num_heads(d_model, _USUAL)
    settings = {
        "vocab_size": saved.size("transformer.wte.weight"),
        "hidden_size": d_model,
        "num_hidden_layers": saved.count("transformer.h."),
        "num_attention_heads": heads,
        "num_key_value_heads": saved.settings.get("n_kv_head", heads),
        "intermediate_size": saved.size("transformer.h.0.mlp.c_fc.weight"),
        "max_position_embeddings": saved.settings.get("sequence_length", 2048),
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "rope_theta": 10_000.0,
        "final_logit_softcapping": 15.0,
    }
    return settings, {str(names[own]): part for own, part in saved.tensors.items()}


def _short(name: str) -> str:
    """Return the part of a tensor's name that says what it is.

    >>> _short("transformer.h.3.attn.ve_gate.weight"), _short("resid_lambdas")
    ('ve_gate', 'resid_lambdas')
    """
    words = [
        word for word in name.split(".") if not word.isdigit() and word != "weight"
    ]
    return words[-1] if words else name


def _theirs(name: str) -> str | None:
    """Return the name in `transformers`, if the published model has such a tensor."""
    found = re.fullmatch(r"transformer\.h\.(\d+)\.(\w+\.\w+)\.weight", name)
    if found is None or found[2] not in _PARTS:
        return _ENDS.get(name)
    return f"model.layers.{found[1]}.{_PARTS[found[2]]}.weight"
