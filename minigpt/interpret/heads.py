"""Numbers and words for what one attention head looks at.

Everything here is plain numpy on recorded patterns (the hook
`blocks.{i}.attn.hook_pattern`, after the softmax), so it holds for any model. A score
says how a head behaves *on this text*; only an intervention says what it is for.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021), for
the previous-token head; Xiao et al. 2023, arXiv:2309.17453, for heads that rest on the
first token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class HeadScores:
    """How each head behaves on one text. Every array is [layer head]."""

    previous_token: Float[np.ndarray, "layer head"]
    """Mean weight on the token just before, over queries 1 …; from 0 to 1."""
    first_token: Float[np.ndarray, "layer head"]
    """Mean weight on token 0, over queries 2 … (for query 1 it is the previous)."""
    self_token: Float[np.ndarray, "layer head"]
    """Mean weight on the query itself, over queries 1 …; from 0 to 1."""
    entropy: Float[np.ndarray, "layer head"]
    """Mean entropy of the rows, in nats: 0 on one token, ln(n) spread evenly over n."""


@dataclass(frozen=True)
class Caption:
    """One sentence about a row: **query** reads **key** with weight 0.62."""

    query: str
    key: str
    weight: float
    query_position: int
    key_position: int


def head_scores(
    patterns: Float[np.ndarray, "layer head q_pos k_pos"],
) -> HeadScores:
    """Score every head on one text.

    Means over no query at all (a text of one or two tokens) are 0.

    Args:
        patterns: Attention weights; every row sums to 1.
    """
    patterns = np.asarray(patterns, dtype=np.float64)
    if patterns.ndim != 4:
        raise ValueError(
            f"patterns must be [layer head q_pos k_pos], got shape {patterns.shape}"
        )
    length = patterns.shape[-1]
    queries = np.arange(1, length)
    weights = np.where(patterns > 0, patterns, 1.0)  # 0 · ln 0 counts as 0
    row_entropy = -(weights * np.log(weights)).sum(-1)
    return HeadScores(
        previous_token=_mean(patterns[:, :, queries, queries - 1]),
        first_token=_mean(patterns[:, :, 2:, 0]),
        self_token=_mean(patterns[:, :, queries, queries]),
        entropy=_mean(row_entropy[:, :, 1:]),
    )


def strongest_read(
    pattern: Float[np.ndarray, "q_pos k_pos"], pieces: Sequence[str], query: int
) -> Caption:
    """Say which token one query reads most.

    Args:
        pattern: One head's weights.
        pieces: The tokens' texts, one per position.
        query: Position of the query.
    """
    if len(pieces) != pattern.shape[-1]:
        raise ValueError(f"{len(pieces)} pieces for {pattern.shape[-1]} keys")
    key = int(np.argmax(pattern[query, : query + 1]))
    return Caption(
        query=pieces[query],
        key=pieces[key],
        weight=float(pattern[query, key]),
        query_position=query,
        key_position=key,
    )


def cautious_label(scores: HeadScores, layer: int, head: int) -> str:
    """Name a head's habit on this text, if one habit takes most of its weight.

    The bar is high on purpose: most heads do several things, and are "unclassified".
    """
    habits = {
        "mostly previous token": scores.previous_token[layer, head],
        "mostly first token": scores.first_token[layer, head],
        "mostly itself": scores.self_token[layer, head],
    }
    label, weight = max(habits.items(), key=lambda item: item[1])
    return label if weight >= 0.5 else "unclassified"


def _mean(
    values: Float[np.ndarray, "layer head n"],
) -> Float[np.ndarray, "layer head"]:
    """Average over the last axis; over nothing it is 0."""
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:2])
    mean: Float[np.ndarray, "layer head"] = values.mean(-1)
    return mean
