"""The direction of the residual stream along which a logit is read.

    logit(t) = final vector · W_U[t]

The final vector is the stream after the last norm, which centres it (LayerNorm),
divides it by one number, its scale, and weights it. With the scale held fixed, all of
that can be done to W_U[t] instead, and what is left is a direction: the logit is the
stream's size along it, and so is each part's share.

Next: `logit_lens`, `attribution` and `attribution_detail`, which read along it.
"""

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.model import Block, LayerNorm, RMSNorm, TransformerLM


def unembedding(
    model: TransformerLM, token: int, minus: int | None = None
) -> Float[Tensor, " d_model"]:
    """Return W_U[A], or W_U[A] − W_U[B]: what the final vector is compared with."""
    tied = model.config.tie_embeddings
    weight: Tensor = (model.token_embedding if tied else model.head).weight
    return weight[token] if minus is None else weight[token] - weight[minus]


def logit_direction(
    norm: LayerNorm | RMSNorm,
    row: Float[Tensor, " d_model"],
    scale: Float[Tensor, " 1"],
) -> Float[Tensor, " d_model"]:
    """Return the direction of the residual stream that a logit is read along.

        direction = centre(weight ⊙ W_U[t]) / scale          (RMSNorm: no centring)

    Args:
        norm: The model's final norm.
        row: W_U[t], or the difference of two rows.
        scale: What the norm divides by here: `ln_final.hook_scale`.
    """
    weighted = row if norm.weight is None else norm.weight * row
    # Centring is a projection: done to the direction, it is done to every part.
    if isinstance(norm, LayerNorm):
        weighted = weighted - weighted.mean()
    return weighted / scale


def held_norm(
    norm: LayerNorm | RMSNorm | None,
    x: Float[Tensor, "*axes width"],
    scale: Float[Tensor, "*places"] | None = None,
) -> Float[Tensor, "*axes width"]:
    """Apply a norm whose scale is held, so that it is linear: part by part.

        weight ⊙ centre(x) / scale                           (RMSNorm: no centring)

    Args:
        norm: Any; None leaves everything as it is.
        x: Parts of what it reads. Its shift belongs to none of them.
        scale: What it divides by here (none: the division is left out).
    """
    if norm is None:
        return x
    if isinstance(norm, LayerNorm):
        x = x - x.mean(-1, keepdim=True)
    if scale is not None:
        x = x / scale
    return x if norm.weight is None else x * norm.weight


def read_parts(
    model: TransformerLM, tokens: list[int]
) -> tuple[Tensor, ActivationCache]:
    """Run a model, and keep what each of its parts adds to the stream.

    Returns:
        Logits [1 pos vocab], and the hooks that `attribution` reads.
    """
    wanted = (
        model.embedding_hook,
        "hook_token_shift",
        "hook_pos_embed",
        "attn.hook_z",
        "hook_mlp_out",
        "mlp.hook_post",
        "ln1_post.hook_scale",
        "ln2_post.hook_scale",
        "ln_final.hook_scale",
        "ln_final.hook_normalized",
    )
    ids = torch.tensor([tokens], device=model.device)
    return model.run_with_cache(ids, lambda name: name.endswith(wanted))


def block_at(model: TransformerLM, layer: int) -> Block:
    """Return one block of a model."""
    return cast(Block, model.blocks[layer])


def run_blocks(
    model: TransformerLM,
    layers: range,
    x: Float[Tensor, "batch pos d_model"],
    tokens: Int[Tensor, "batch pos"],
) -> Float[Tensor, "batch pos d_model"]:
    """Run blocks that follow each other, given the residual stream before the first."""
    for layer in layers:
        x = block_at(model, layer)(x, None, tokens)
    return x
