"""One head, changed by hand: a step left out, or a weight set, and what it does.

An edit is made inside the running model, at `hook_attn_scores` or `hook_pattern`, so
that everything after it is computed anew, up to the prediction.

Before: `attention_steps`, the head as it is. Next: `effects`, which compares the
predictions.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookFunction, HookPoint
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.heads.attention_steps import (
    AttentionSteps,
    HeadTensors,
    attention_steps,
    head_tensors,
    require_place,
)
from minigpt.model import TransformerLM
from minigpt.model.norm import softcapped


@dataclass(frozen=True)
class HeadEdit:
    """What to change in one head. Steps are left out for all its queries."""

    divisor: float | None = None
    """Divide q · k by this; 1 leaves the step out, None divides by √d_head."""
    without_positions: bool = False
    """Add no position bias; with RoPE, do not turn q and k."""
    without_mask: bool = False
    """Let every query read the future, whose scores get no position bias."""
    weight: tuple[int, float] | None = None
    """For the chosen query alone: a key's position, and the weight to give it, 0–1."""


@dataclass(frozen=True)
class EditedHead:
    """One row of a head after an edit, and the predictions before and after it."""

    steps: AttentionSteps
    """Every step without those left out, up to the softmax and its average of values:
    a weight is not set yet."""
    pattern: Float[np.ndarray, " k_pos"]
    """The softmax, with the weight that was set."""
    z: Float[np.ndarray, " d_head"]
    """The average of the values with these weights."""
    here: Effect
    """On what comes after the chosen query."""
    last: Effect
    """On what comes after the last token."""


def edit_head(
    model: TransformerLM,
    tokens: list[int],
    layer: int,
    head: int,
    query: int,
    edit: HeadEdit,
) -> EditedHead:
    """Run the model with one head changed.

    Args:
        model: Any transformer.
        tokens: The text it reads.
        layer: Which block.
        head: Which of its heads.
        query: Position of the row to return, and of the weight to set.
        edit: What to change.

    Raises:
        DataError: If there is no such layer, head or position, or a weight cannot be
            set.
    """
    require_place(model, tokens, layer, head, query)
    if edit.divisor is not None and not edit.divisor > 0:
        raise DataError(f"q · k is divided by a number > 0, not by {edit.divisor:g}.")
    parts = head_tensors(model, tokens, layer, head)
    kept: dict[str, Tensor] = {}
    hooks = _editing_hooks(parts, (layer, head, query), edit, kept)
    with torch.inference_mode():
        ids = torch.tensor([tokens], device=model.device)
        after = model.run_with_hooks(ids, hooks)[0]
    rows = {name: row.float().cpu().numpy() for name, row in kept.items()}
    softmax = rows.pop("softmax")
    steps = _edited_steps(
        attention_steps(model, tokens, layer, head, query), parts, edit
    )
    return EditedHead(
        steps=replace(
            steps, scores=rows.pop("scores"), pattern=softmax, z=softmax @ steps.v
        ),
        **rows,
        here=compare_logits(parts.logits[query], after[query]),
        last=compare_logits(parts.logits[-1], after[-1]),
    )


def _editing_hooks(
    parts: HeadTensors,
    place: tuple[int, int, int],
    edit: HeadEdit,
    kept: dict[str, Tensor],
) -> list[tuple[str, HookFunction]]:
    """Return hooks that make an edit, and keep in `kept` the row that it leads to."""
    layer, head, query = place

    def change_scores(value: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        edited = value.clone()
        edited[0, head] = edited_scores(parts, edit).scores
        kept["scores"] = edited[0, head, query]
        return edited

    def change_pattern(value: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        edited = value.clone()
        kept["softmax"] = value[0, head, query]
        if edit.weight is not None:
            readable = ~kept["scores"].isneginf()
            edited[0, head, query] = set_weight(
                value[0, head, query], readable, *edit.weight
            )
        kept["pattern"] = edited[0, head, query]
        return edited

    def keep_z(value: Tensor, hook: HookPoint) -> None:  # noqa: ARG001
        kept["z"] = value[0, query, head]

    at = f"blocks.{layer}.attn.hook_"
    return [
        (at + "attn_scores", change_scores),
        (at + "pattern", change_pattern),
        (at + "z", keep_z),
    ]


def unscaled_pattern(steps: AttentionSteps) -> Float[np.ndarray, " k_pos"]:
    """Return the row that the softmax would give without ÷ √d_head."""
    scores = softcapped(torch.from_numpy(steps.raw), steps.softcap).numpy()
    if steps.bias is not None:
        scores = scores + steps.bias
    powers = np.where(
        np.isneginf(steps.scores), 0.0, np.exp(scores - scores[: steps.query + 1].max())
    )
    pattern: np.ndarray = powers / powers.sum()
    return pattern


class EditedScores(NamedTuple):
    """A head's scores, step by step, without those that an edit leaves out."""

    raw: Float[Tensor, "q_pos k_pos"]
    scaled: Float[Tensor, "q_pos k_pos"]
    bent: Float[Tensor, "q_pos k_pos"]
    """As `scaled` where nothing bends them."""
    biased: Float[Tensor, "q_pos k_pos"]
    scores: Float[Tensor, "q_pos k_pos"]
    """With −inf where a query may not read."""


def edited_scores(parts: HeadTensors, edit: HeadEdit) -> EditedScores:
    """Compute a head's scores anew, without the steps that an edit leaves out."""
    q, k = parts.q, parts.k
    if edit.without_positions:
        q, k = parts.plain_q, parts.plain_k
    raw = q @ k.mT
    scaled = raw / (edit.divisor or math.sqrt(q.shape[-1]))
    bent = softcapped(scaled, parts.softcap)
    biased, bias = bent, parts.position_scores
    if bias is not None and not edit.without_positions:
        biased = bent + bias
    scores = biased
    if not edit.without_mask:
        scores = biased.masked_fill(parts.scores.isneginf(), -math.inf)
    return EditedScores(raw, scaled, bent, biased, scores)


def _edited_steps(
    steps: AttentionSteps, parts: HeadTensors, edit: HeadEdit
) -> AttentionSteps:
    """Return a row's steps before the mask, without those left out."""
    rows = edited_scores(parts, edit)
    raw, scaled, bent, biased = (
        each[steps.query].float().cpu().numpy() for each in rows[:4]
    )
    q, k, bias = steps.q, steps.k, steps.bias
    if edit.without_positions:
        q, k = steps.plain_q, steps.plain_k
        bias = None if bias is None else np.zeros_like(bias)
    return replace(
        steps,
        q=q,
        k=k,
        products=q * k,
        raw=raw,
        scaled=scaled,
        bent=None if parts.softcap is None else bent,
        bias=bias,
        biased=None if bias is None else biased,
    )


def set_weight(
    row: Float[Tensor, " k_pos"], readable: Tensor, key: int, weight: float
) -> Float[Tensor, " k_pos"]:
    """Set one weight of a row; the others share the rest as they shared before.

        w'_key = weight,   w'_j = w_j · (1 − weight) / (1 − w_key)

    Where the others had nothing, they share the rest evenly.

    Args:
        row: Weights that sum to 1.
        readable: Which tokens the query may read, [k_pos].
        key: Position of the weight to set.
        weight: From 0 to 1.

    Raises:
        DataError: If the weight lies outside 0–1, or the key cannot be read.
    """
    if not 0 <= weight <= 1:
        raise DataError(f"A weight lies from 0 to 1, but {weight:g} was given.")
    if not 0 <= key < len(row) or not readable[key]:
        raise DataError(f"This query may not read token {key}: choose one before it.")
    others = row.clone()
    others[key] = 0
    if others.sum() == 0:
        others = readable.to(row.dtype)
        others[key] = 0
    if others.sum() == 0:
        return row  # a row of one token: there is no other token to give the rest to
    edited = others * ((1 - weight) / others.sum())
    edited[key] = weight
    return edited
