"""Where a row of attention is an average, and ÷ √d is what keeps it one."""

import math
from collections.abc import Iterator
from itertools import product
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.hooks import HookPoint
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.model import TransformerLM
from minigpt.model.block import Block
from minigpt.model.norm import softcapped

LENGTH = 9
"""Tokens in a prompt: so many columns stand side by side on a laptop's screen."""
TEXTS = 16
LEAST_ENTROPY = 0.5
"""Nats: below it, a row is nearly all on one token, and shows no average."""
LEAST_HIDDEN = 3
"""Tokens that the mask must hide, for its step to be seen."""


def attention_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the row where leaving out ÷ √d changes weights and prediction most.

    Effects: `entropy` [nats] of the row, `growth` of its largest weight without ÷ √d,
    `kl` [nats] of the prediction at this token, `hidden` [tokens] by the mask.

    Returns:
        The place; None where no held-out prompt gives one.
    """
    rows = (
        row
        for prompt, tokens in held_out_prompts(checkpoint, LENGTH, TEXTS)
        for row in _rows(transformer_of(checkpoint), prompt, tokens)
    )
    return max(
        (row for row in rows if row.effects["entropy"] >= LEAST_ENTROPY),
        key=lambda row: min(row.effects["growth"], row.effects["kl"]),
        default=None,
    )


def _rows(model: TransformerLM, prompt: str, tokens: list[int]) -> Iterator[Opening]:
    """Measure every row of every head; a run of the model serves a whole block."""
    ids = torch.tensor([tokens], device=model.device)
    with torch.inference_mode():
        logits, cache = model.run_with_cache(
            ids, names_filter=["*.hook_attn_scores", "*.hook_pattern"]
        )
    before = logits[0].log_softmax(-1)
    heads = range(model.config.num_heads)
    queries = range(2, len(tokens) - LEAST_HIDDEN)
    for layer in range(model.config.num_layers):
        pattern = cache["pattern", layer][0]
        unscaled = _unscaled(model, layer, cache["attn_scores", layer][0])
        after = _logits_without_scale(model, ids, layer, unscaled).log_softmax(-1)
        measured = {
            "entropy": -torch.special.xlogy(pattern, pattern).sum(-1),
            "growth": unscaled.softmax(-1).amax(-1) - pattern.amax(-1),
            "kl": (before.exp() * (before - after)).sum(-1),
        }
        numbers = {name: rows.tolist() for name, rows in measured.items()}
        for head, query in product(heads, queries):
            effects = {name: rows[head][query] for name, rows in numbers.items()}
            effects["hidden"] = len(tokens) - 1 - query
            yield Opening(prompt, layer, head, query, effects)


def _logits_without_scale(
    model: TransformerLM,
    ids: Tensor,
    layer: int,
    unscaled: Float[Tensor, "head q_pos k_pos"],
) -> Float[Tensor, "head pos vocab"]:
    """Run the model once for each head of a block, as one batch, with its scores."""
    heads = torch.arange(len(unscaled))

    def change(scores: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        changed = scores.clone()
        changed[heads, heads] = unscaled
        return changed

    name = f"blocks.{layer}.attn.hook_attn_scores"
    with torch.inference_mode():
        return model.run_with_hooks(ids.expand(len(unscaled), -1), [(name, change)])


def _unscaled(
    model: TransformerLM, layer: int, scores: Float[Tensor, "head q_pos k_pos"]
) -> Float[Tensor, "head q_pos k_pos"]:
    """Return a block's scores without ÷ √d_head; what a position adds stays."""
    attention = cast(Block, model.blocks[layer]).attn
    position_bias, cap = attention.position_bias, attention.softcap
    root = math.sqrt(model.config.d_head)

    def times_root(products: Tensor) -> Tensor:
        if cap is None:
            return products * root
        straight = cap * (products / cap).clamp(-1, 1).atanh()
        return softcapped(straight.nan_to_num() * root, cap)

    if position_bias is None:
        return times_root(scores).masked_fill(scores.isneginf(), -math.inf)
    count = scores.shape[-1]
    bias = position_bias(count, count, model.device)
    future = scores.isneginf()
    product_scores = (scores - bias).masked_fill(future, 0.0)
    return (times_root(product_scores) + bias).masked_fill(future, -math.inf)
