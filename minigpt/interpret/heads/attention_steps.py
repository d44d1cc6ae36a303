"""One head, step by step: every number between the residual stream and the head's z.

What has a hook is taken from the hook; what lies between two hooks (the products, the
scores before √d, the position bias) is computed here from what the hooks hold, in the
order in which the model does it.

    x → q, k, v → (turn) → q · k → ÷ √d_head → (+ bias) → mask → softmax → Σ weight · v

Nothing is added to the score of a later token: no scheme of positions has a bias for
the future, and the mask hides it anyway.

Before: `reading.prompt`, a prompt and all its patterns. Next: `attention_editing`,
where a step is changed and the prediction with it.
"""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.model import TransformerLM
from minigpt.model.block import Block
from minigpt.model.norm import LayerNorm, RMSNorm, softcapped


@dataclass(frozen=True)
class HeadTensors:
    """What one head works with, for all queries of one text."""

    x: Float[Tensor, "pos d_model"]
    """What the head reads: the normalised stream, after the norm's scale and shift."""
    plain_q: Float[Tensor, "pos d_head"]
    """Queries before RoPE turns them; without RoPE the same as `q`."""
    plain_k: Float[Tensor, "pos d_head"]
    q: Float[Tensor, "pos d_head"]
    k: Float[Tensor, "pos d_head"]
    v: Float[Tensor, "pos d_head"]
    softcap: float | None
    """What bends the scores, if anything: none is farther from 0."""
    bias: Float[Tensor, "q_pos k_pos"] | None
    """What ALiBi or a relative scheme adds to the scores, −inf in the future."""
    scores: Float[Tensor, "q_pos k_pos"]
    pattern: Float[Tensor, "q_pos k_pos"]
    z: Float[Tensor, "pos d_head"]
    logits: Float[Tensor, "pos vocab"]
    """What the model predicts with the head as it is."""

    @property
    def position_scores(self) -> Float[Tensor, "q_pos k_pos"] | None:
        """What is added to the scores: `bias`, and 0 for later tokens."""
        if self.bias is None:
            return None
        return self.bias.masked_fill(self.bias.isneginf(), 0.0)


@dataclass(frozen=True)
class Projection:
    """One number of a query as a row of W_Q times what the head reads."""

    dimension: int
    """Which number of the query: its largest."""
    row: Float[np.ndarray, " d_model"]
    """W_Q's row for it."""
    bias: float
    """What is added; 0 where the model has no bias."""
    value: float
    """row · x + bias."""
    normalized: bool
    """Whether a norm then rescales the query (QK norm), so that q is another number."""


@dataclass(frozen=True)
class AttentionSteps:
    """One row of one head: how one query came by its weights and its z.

    Scores are numbers without a unit, weights lie in 0–1.
    """

    query: int
    """Position of the token that reads."""
    x: Float[np.ndarray, "pos d_model"]
    """What the head reads of every token."""
    projection: Projection
    """How one number of the query comes from x."""
    plain_q: Float[np.ndarray, " d_head"]
    plain_k: Float[np.ndarray, "k_pos d_head"]
    q: Float[np.ndarray, " d_head"]
    """The query as it is compared: with RoPE, turned."""
    k: Float[np.ndarray, "k_pos d_head"]
    v: Float[np.ndarray, "k_pos d_head"]
    products: Float[np.ndarray, "k_pos d_head"]
    """q_i · k_i, dimension by dimension."""
    raw: Float[np.ndarray, " k_pos"]
    """Their sums: q · k."""
    scaled: Float[np.ndarray, " k_pos"]
    """q · k / √d_head."""
    softcap: float | None
    """What bends the scores, if anything: none is farther from 0."""
    bent: Float[np.ndarray, " k_pos"] | None
    """The scores after that; None where nothing bends them."""
    bias: Float[np.ndarray, " k_pos"] | None
    """What the position adds, 0 in the future; None where a head adds nothing."""
    biased: Float[np.ndarray, " k_pos"] | None
    """The scores with it; None as above."""
    scores: Float[np.ndarray, " k_pos"]
    """`hook_attn_scores`: with the bias, and −inf where the query may not read."""
    pattern: Float[np.ndarray, " k_pos"]
    """`hook_pattern`: the softmax of the scores."""
    z: Float[np.ndarray, " d_head"]
    """`hook_z`: the sum of weight · v."""
    turned: bool
    """Whether RoPE turned q and k."""


def attention_steps(
    model: TransformerLM, tokens: list[int], layer: int, head: int, query: int
) -> AttentionSteps:
    """Follow one query through one head.

    Args:
        model: Any transformer.
        tokens: The text it reads.
        layer: Which block.
        head: Which of its heads.
        query: Position of the token that reads.

    Raises:
        DataError: If there is no such layer, head or position.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """
    require_place(model, tokens, layer, head, query)
    parts = head_tensors(model, tokens, layer, head)
    products = parts.q[query] * parts.k
    raw = products.sum(-1)
    scaled = raw / math.sqrt(model.config.d_head)
    bent = softcapped(scaled, parts.softcap)
    bias = parts.position_scores
    return AttentionSteps(
        query=query,
        x=_array(parts.x),
        projection=_projection(model, parts, layer, head, query),
        plain_q=_array(parts.plain_q[query]),
        plain_k=_array(parts.plain_k),
        q=_array(parts.q[query]),
        k=_array(parts.k),
        v=_array(parts.v),
        products=_array(products),
        raw=_array(raw),
        scaled=_array(scaled),
        softcap=parts.softcap,
        bent=None if parts.softcap is None else _array(bent),
        bias=None if bias is None else _array(bias[query]),
        biased=None if bias is None else _array(bent + bias[query]),
        scores=_array(parts.scores[query]),
        pattern=_array(parts.pattern[query]),
        z=_array(parts.z[query]),
        turned=model.config.positional_encoding == "rope",
    )


def _projection(
    model: TransformerLM, parts: HeadTensors, layer: int, head: int, query: int
) -> Projection:
    """Return the largest number of a query, as the product it is."""
    attention, width = cast(Block, model.blocks[layer]).attn, model.config.d_head
    rows = slice(head * width, (head + 1) * width)  # the queries come first in qkv
    with torch.inference_mode():
        weight, bias = attention.qkv.weight[rows], attention.qkv.bias
        made = weight @ parts.x[query]
        if bias is not None:
            made = made + bias[rows]
    dimension = int(made.abs().argmax())
    return Projection(
        dimension=dimension,
        row=_array(weight[dimension]),
        bias=0.0 if bias is None else float(bias[rows][dimension].detach()),
        value=float(made[dimension]),
        normalized=attention.q_norm is not None,
    )


def head_tensors(
    model: TransformerLM, tokens: list[int], layer: int, head: int
) -> HeadTensors:
    """Record what one head works with. Arguments as for `attention_steps`."""
    block = cast(Block, model.blocks[layer])
    rope = block.attn.rotary is not None
    at = f"blocks.{layer}.attn.hook_"
    names = ["q", "k", "v", *(["rot_q", "rot_k"] if rope else [])]
    names = [at + name for name in [*names, "attn_scores", "pattern", "z"]]
    normalized = f"blocks.{layer}.ln1.hook_normalized"
    with torch.inference_mode():
        logits, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device),
            names_filter=[normalized, *names],
        )
        bias = None
        if block.attn.position_bias is not None:
            count = len(tokens)
            bias = block.attn.position_bias(count, count, model.device)[head]
        x = affine(block.ln1, cache[normalized][0])
    shared = shared_head(model, head)
    return HeadTensors(
        x=x,
        plain_q=cache[at + "q"][0, :, head],
        plain_k=cache[at + "k"][0, :, shared],
        q=cache[at + ("rot_q" if rope else "q")][0, :, head],
        k=cache[at + ("rot_k" if rope else "k")][0, :, shared],
        v=cache[at + "v"][0, :, shared],
        softcap=block.attn.softcap,
        bias=bias,
        scores=cache[at + "attn_scores"][0, head],
        pattern=cache[at + "pattern"][0, head],
        z=cache[at + "z"][0, :, head],
        logits=logits[0],
    )


def shared_head(model: TransformerLM, head: int) -> int:
    """Return the place of a head's keys and values in `hook_k` and `hook_v`.

    With grouped queries, several query heads share one.
    """
    return head // (model.config.num_heads // model.config.kv_heads)


def affine(
    norm: LayerNorm | RMSNorm, normalized: Float[Tensor, "*axes width"]
) -> Float[Tensor, "*axes width"]:
    """Apply a norm's learned scale and shift, where it has them."""
    x = normalized if norm.weight is None else normalized * norm.weight
    shift = getattr(norm, "bias", None)  # an RMSNorm has none
    return x if shift is None else x + shift


def require_place(
    model: TransformerLM, tokens: list[int], layer: int, head: int, query: int
) -> None:
    """Refuse a place outside the model or the text.

    Raises:
        DataError: If there is no such layer, head or position.
    """
    sizes = (
        ("layer", layer, model.config.num_layers),
        ("head", head, model.config.num_heads),
        ("token", query, len(tokens)),
    )
    for name, place, size in sizes:
        if not 0 <= place < size:
            raise DataError(
                f"There is no {name} {place}: choose one from 0 to {size - 1}."
            )


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
