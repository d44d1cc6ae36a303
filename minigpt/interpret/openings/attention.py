"""Where a row of attention is an average, and ÷ √d is what keeps it one."""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.model import TransformerLM
from minigpt.model.block import Block

LEAST_ENTROPY = 0.5
"""Nats: below it, a row is nearly all on one token, and shows no average."""
LEAST_HIDDEN = 3
"""Tokens that the mask must hide, for its step to be seen."""
MOST_RUN = 3
"""Rows of each head whose effect on the prediction is measured by a run."""


class _Row(NamedTuple):
    prompt: str
    tokens: list[int]
    layer: int
    head: int
    query: int
    entropy: float
    growth: float
    """By how much the row's largest weight grows without ÷ √d."""


def attention_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the row where leaving out ÷ √d changes weights and prediction most.

    Effects: `entropy` [nats] of the row, `growth` of its largest weight without ÷ √d,
    `kl` [nats] of the prediction at this token, `hidden` [tokens] by the mask.

    Returns:
        The place; None where no held-out prompt gives one.
    """
    best: dict[tuple[int, int], list[_Row]] = defaultdict(list)
    for row in _rows(checkpoint):
        if row.entropy >= LEAST_ENTROPY:
            best[row.layer, row.head].append(row)
    candidates = [
        row
        for rows in best.values()
        for row in sorted(rows, key=lambda row: -row.growth)[:MOST_RUN]
    ]
    return max(
        (_measured(checkpoint, row) for row in candidates),
        key=lambda each: min(each.effects["growth"], each.effects["kl"]),
        default=None,
    )


def _rows(checkpoint: Checkpoint) -> Iterator[_Row]:
    model = transformer_of(checkpoint)
    for prompt, tokens in held_out_prompts(checkpoint):
        with torch.inference_mode():
            _, cache = model.run_with_cache(
                torch.tensor([tokens], device=model.device),
                names_filter=["*.hook_attn_scores", "*.hook_pattern"],
            )
        for layer in range(model.config.num_layers):
            pattern = cache["pattern", layer][0]
            unscaled = _unscaled(model, layer, cache["attn_scores", layer][0])
            growth = (unscaled.softmax(-1).amax(-1) - pattern.amax(-1)).tolist()
            entropy = (-torch.special.xlogy(pattern, pattern).sum(-1)).tolist()
            for head, query in product(
                range(model.config.num_heads), range(2, len(tokens) - LEAST_HIDDEN)
            ):
                numbers = (entropy[head][query], growth[head][query])
                yield _Row(prompt, tokens, layer, head, query, *numbers)


def _unscaled(
    model: TransformerLM, layer: int, scores: Float[Tensor, "head q_pos k_pos"]
) -> Float[Tensor, "head q_pos k_pos"]:
    """Return a block's scores without ÷ √d_head; what a position adds stays."""
    position_bias = cast(Block, model.blocks[layer]).attn.position_bias
    root = math.sqrt(model.config.d_head)
    if position_bias is None:
        return scores * root
    count = scores.shape[-1]
    bias = position_bias(count, count, model.device)
    future = scores.isneginf()
    product_scores = (scores - bias).masked_fill(future, 0.0)
    return (product_scores * root + bias).masked_fill(future, -math.inf)


def _measured(checkpoint: Checkpoint, row: _Row) -> Opening:
    place = (row.layer, row.head, row.query)
    model = transformer_of(checkpoint)
    edited = edit_head(model, row.tokens, *place, HeadEdit(divisor=1))
    effects = {
        "entropy": row.entropy,
        "growth": row.growth,
        "kl": float(edited.here.kl),
        "hidden": float(len(row.tokens) - 1 - row.query),
    }
    return Opening(row.prompt, *place, effects)
