"""TransformerLens's `state_dict`: a matrix for each head, by the field's own letters.

    W_Q, W_K, W_V [head d_model d_head]  W_O [head d_head d_model]  W_U [d_model vocab]

All of them multiply from the right; ours from the left, heads below one another. Its
models may have been folded: a norm's scale and shift are then part of the matrices
behind it, and are here 1 and 0.

Folding also leaves a bias for each token of the vocabulary. Where the head can express
it, as it can after folding, the last norm's shift does the same, and the model is still
a GPT-2; else it stays a bias of the head.

    W_U (n ⊙ w + b + δ) = W_U (n ⊙ w + b) + b_U        with W_U δ = b_U

Source: Nanda and Bloom 2022, github.com/TransformerLensOrg/TransformerLens.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.config.own_model import Activation
from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases.nanogpt import NANOGPT
from minigpt.pretrained.codebases.saved import Saved
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import WeightPlace, layers

_ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu": "gelu_exact",
    "relu": "relu",
}
ASSUMED = (
    "A state_dict of TransformerLens does not say which activation function: assumed "
    "is gelu_new, as in GPT-2."
)
_BIAS = "unembed.b_U"
_NEAR = 1e-4
"""How far a folded bias may be off, in logits."""


def read(saved: Saved) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return settings and matrices; errors as of the two functions below."""
    settings, matrices = settings_of(saved), as_matrices(saved)
    return settings | {"head_bias": _BIAS in matrices}, matrices


def settings_of(saved: Saved) -> dict[str, Any]:
    """Read the sizes off the weights.

    Raises:
        CheckpointError: If a tensor is missing or has other axes.
    """
    heads = saved.tensor("blocks.0.attn.W_Q")
    if heads.ndim != 3:
        raise CheckpointError(
            f"{saved.path}: the tensor 'blocks.0.attn.W_Q' has shape "
            f"{list(heads.shape)}, and should be [head, d_model, d_head]."
        )
    has_mlp = "blocks.0.mlp.W_in" in saved.tensors
    activation = saved.settings.get("act_fn")
    if has_mlp and activation is None:
        saved.notes.append(ASSUMED)
    return {
        "d_vocab": saved.size("embed.W_E"),
        "d_model": saved.size("embed.W_E", 1),
        "n_layers": saved.count("blocks."),
        "n_heads": heads.shape[0],
        "d_head": heads.shape[2],
        "d_mlp": saved.size("blocks.0.mlp.W_in", 1) if has_mlp else 0,
        "n_ctx": saved.size("pos_embed.W_pos"),
        "act_fn": activation or "gelu_new",
    }


def read_settings(fields: Fields) -> ModelConfig:
    """Translate what `settings_of` found."""
    d_model, num_heads = fields.take("d_model", int), fields.take("n_heads", int)
    d_head = fields.take("d_head", int)
    return ModelConfig(
        vocab_size=fields.take("d_vocab", int),
        d_model=d_model,
        num_layers=fields.take("n_layers", int),
        num_heads=num_heads,
        head_dim=None if d_head * num_heads == d_model else d_head,
        d_ff=fields.take("d_mlp", int),
        max_seq_len=fields.take("n_ctx", int),
        activation=fields.choose("act_fn", _ACTIVATIONS, "gelu_new"),
        tie_embeddings=False,
        head_bias=fields.take("head_bias", bool, False),
    )


def as_matrices(saved: Saved) -> dict[str, Tensor]:
    """Put the heads of each matrix below one another, and fill in what was folded.

    Raises:
        CheckpointError: If the head's bias is of another size than the head.
    """
    found = {}
    for name, tensor in saved.tensors.items():
        *_, part = name.split(".")
        if part in ("W_Q", "W_K", "W_V") and tensor.ndim == 3:
            tensor = tensor.transpose(1, 2).flatten(0, 1)  # [head·d_head d_model]
        elif (part == "W_O" and tensor.ndim == 3) or part in ("b_Q", "b_K", "b_V"):
            tensor = tensor.flatten(0, 1)
        found[name] = tensor
    width = saved.size("embed.W_E", 1)
    blocks = [f"blocks.{number}" for number in range(saved.count("blocks."))]
    kinds = ("ln1", "ln2") if "blocks.0.mlp.W_in" in found else ("ln1",)
    for norm in (
        *(f"{block}.{kind}" for block in blocks for kind in kinds),
        "ln_final",
    ):
        found.setdefault(f"{norm}.w", torch.ones(width))
        found.setdefault(f"{norm}.b", torch.zeros(width))
    bias = found.pop(_BIAS, None)
    if bias is not None and bias.any():
        shift = _shift_for(saved, bias)
        if shift is None:
            found[_BIAS] = bias
        else:
            found["ln_final.b"] = found["ln_final.b"] + shift
    return found


def _shift_for(saved: Saved, bias: Tensor) -> Tensor | None:
    """Return the vector that the head turns into a bias, if there is one; see above."""
    saved.size("unembed.W_U")
    head = saved.tensor("unembed.W_U").T.double()  # [vocab d_model]
    if bias.shape != head.shape[:1]:
        raise CheckpointError(
            f"{saved.path}: the tensor 'unembed.b_U' has shape {list(bias.shape)}, and "
            f"the head scores {len(head)} tokens."
        )
    shift = torch.linalg.lstsq(head, bias.double()[:, None]).solution[:, 0]
    off = float((head @ shift - bias.double()).abs().max())
    return shift.to(bias.dtype) if off <= _NEAR else None


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors, heads below one another."""
    width = config.num_heads * config.d_head
    block = {
        "attn.qkv.weight": WeightPlace(
            tuple(f"attn.W_{part}" for part in "QKV"), rows=(width, width, width)
        ),
        "attn.qkv.bias": WeightPlace(
            tuple(f"attn.b_{part}" for part in "QKV"), rows=(width, width, width)
        ),
        "attn.output.weight": WeightPlace(("attn.W_O",), turned=True),
        "attn.output.bias": WeightPlace(("attn.b_O",)),
        "ln1.weight": WeightPlace(("ln1.w",)),
        "ln1.bias": WeightPlace(("ln1.b",)),
    }
    if config.mlp_width:
        for ours, theirs in [("input", "in"), ("output", "out")]:
            block[f"mlp.{ours}.weight"] = WeightPlace((f"mlp.W_{theirs}",), turned=True)
            block[f"mlp.{ours}.bias"] = WeightPlace((f"mlp.b_{theirs}",))
        block["ln2.weight"] = WeightPlace(("ln2.w",))
        block["ln2.bias"] = WeightPlace(("ln2.b",))
    head = {"head.bias": WeightPlace((_BIAS,))} if config.head_bias else {}
    return {
        **head,
        "token_embedding.weight": WeightPlace(("embed.W_E",)),
        "position_embedding.weight": WeightPlace(("pos_embed.W_pos",)),
        **layers(config, block, "blocks.{}."),
        "ln_final.weight": WeightPlace(("ln_final.w",)),
        "ln_final.bias": WeightPlace(("ln_final.b",)),
        "head.weight": WeightPlace(("unembed.W_U",), turned=True),
    }


TRANSFORMER_LENS = replace(
    NANOGPT,
    title="TransformerLens",
    prefix="",
    no_weights=r"blocks\.\d+\.attn\.(mask|IGNORE)",
    read=read_settings,
    places=places,
    head="unembed.W_U",
)
