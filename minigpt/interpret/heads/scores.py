"""Numbers and words for what attention heads attend to.

Everything here is plain numpy on recorded patterns (the hook
`blocks.{i}.attn.hook_pattern`, after the softmax), so it holds for any model. A score
says how a head behaves *on this text*; only an intervention says what it is for.

A habit is a set of cells: for each query, the keys it would read. Its score is the
weight on those keys, averaged over the queries that have any. Next: `null_band`, which
says what score an untrained head gets.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021), for
the previous-token head; Olsson et al. 2022, arXiv:2209.11895, for induction (prefix
matching); Wang et al. 2022, arXiv:2211.00593, for duplicate-token heads; Xiao et al.
2023, arXiv:2309.17453, for heads that rest on the first token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

ByHead = Float[np.ndarray, "layer head"]
Patterns = Float[np.ndarray, "layer head q_pos k_pos"]

HABITS: Final = {
    "previous_token": "the token just before",
    "induction": "what came next last time",
    "duplicate_token": "earlier copies of the token",
    "first_token": "the first token",
    "self_token": "the token itself",
}
"""The scores that are shares of weight, and what a head of each habit reads."""

SCORES: Final = (*HABITS, "entropy")
"""The names of all scores: the fields of `HeadScores`."""

FEWEST_QUERIES = 3
"""Over fewer queries, a mean is no habit."""


@dataclass(frozen=True)
class HeadScores:
    """How each head behaves on one text, or on average over several.

    Every array is [layer head], not-a-number where the text has no such query.
    """

    previous_token: ByHead
    """Mean weight on the token just before, over queries 1 …; from 0 to 1."""
    induction: ByHead
    """Mean weight on the tokens that followed earlier occurrences of the query's token,
    over queries that have one; from 0 to 1."""
    duplicate_token: ByHead
    """Mean weight on earlier occurrences of the query's token, likewise."""
    first_token: ByHead
    """Mean weight on token 0, over queries 2 … (for query 1 it is the previous)."""
    self_token: ByHead
    """Mean weight on the query itself, over queries 1 …; from 0 to 1."""
    entropy: ByHead
    """Mean entropy of the rows, in nats: 0 on one token, ln(n) spread evenly over n."""
    queries: dict[str, int] = field(default_factory=dict)
    """How many queries each habit's mean is over."""

    def as_array(self) -> Float[np.ndarray, "score layer head"]:
        """Return all scores, in the order of `SCORES`."""
        return np.stack([getattr(self, name) for name in SCORES])


@dataclass(frozen=True)
class Caption:
    """One sentence about a row: **query** reads **key** with weight 0.62."""

    query: str
    key: str
    weight: float
    query_position: int
    key_position: int


def head_scores(patterns: Patterns, tokens: Sequence[int]) -> HeadScores:
    """Score how far every head follows each habit on one text.

        score(head) = mean over the queries of Σ weight on the keys of the habit

    Queries for which a habit has no key do not count. `habit_cells` says which keys
    belong to which habit.

    Args:
        patterns: Attention weights, [layer head q_pos k_pos]; every row sums to 1.
        tokens: The text's ids; equal ids are the same token.

    Returns:
        One score per head, [layer head], for each habit; and the rows' mean entropy.

    Raises:
        ValueError: If the shapes do not fit.
    """
    patterns = np.asarray(patterns)
    if patterns.ndim != 4 or patterns.shape[2:] != (len(tokens), len(tokens)):
        raise ValueError(
            f"patterns of {len(tokens)} tokens must be [layer head {len(tokens)} "
            f"{len(tokens)}], got shape {patterns.shape}"
        )
    cells = habit_cells(np.asarray(tokens))
    queries = {name: int(mask.any(-1).sum()) for name, mask in cells.items()}
    flat = patterns.reshape(*patterns.shape[:2], -1)
    scores = {
        name: (flat @ mask.ravel().astype(flat.dtype)) / (queries[name] or np.nan)
        for name, mask in cells.items()
    }
    return HeadScores(**scores, entropy=_entropy(patterns), queries=queries)


def habit_cells(
    tokens: Int[np.ndarray, " pos"],
) -> dict[str, Bool[np.ndarray, "q_pos k_pos"]]:
    """Say, for each habit, which keys each query would read.

    >>> habit_cells(np.array([5, 6, 7, 5]))["induction"][3]
    array([False,  True, False, False])
    """
    count = len(tokens)
    cells = np.zeros((len(HABITS), count, count), dtype=bool)
    previous, induction, duplicate, first, itself = cells
    query = np.arange(1, count)
    previous[query, query - 1] = True
    duplicate[:] = np.tril(tokens[:, None] == tokens, -1)
    # The token after the last occurrence may be the query itself: that is no copy.
    induction[:, 1:] = np.tril(duplicate, -2)[:, :-1]
    first[2:, 0] = True
    itself[query, query] = True
    return dict(zip(HABITS, cells, strict=True))


def single_keys(tokens: Sequence[int]) -> list[dict[str, int]]:
    """Return, for each query, the key that each habit reads, where it is one alone.

    >>> single_keys([5, 6, 7, 5])[3]["induction"]
    1
    """
    found: list[dict[str, int]] = [{} for _ in tokens]
    for habit, mask in habit_cells(np.asarray(tokens)).items():
        for query in np.flatnonzero(mask.sum(-1) == 1):
            found[query][habit] = int(mask[query].argmax())
    return found


def shown_habits(scores: HeadScores, layer: int, head: int) -> dict[str, float]:
    """Return a head's scores on the habits that a text can show, the strongest first.

    A mean over fewer than three queries is no habit.

    Args:
        scores: On some text.
        layer: Whose head.
        head: Which one.
    """
    known = {
        name: float(getattr(scores, name)[layer, head])
        for name in HABITS
        if scores.queries.get(name, 0) >= FEWEST_QUERIES
    }
    return dict(sorted(known.items(), key=lambda each: -each[1]))


def average(scores: Sequence[HeadScores]) -> HeadScores:
    """Average scores over texts; a text without such a query does not count."""
    means = {}
    for name in SCORES:
        values = np.stack([getattr(each, name) for each in scores])
        known = ~np.isnan(values)
        total = np.where(known, values, 0).sum(0)
        means[name] = total / np.where(known.any(0), known.sum(0), np.nan)
    queries = {
        name: sum(each.queries.get(name, 0) for each in scores) for name in HABITS
    }
    return HeadScores(**means, queries=queries)


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


def _entropy(patterns: Patterns) -> ByHead:
    """Average the entropy of rows 1 … of every head, one layer at a time."""
    means = np.full(patterns.shape[:2], np.nan)
    if patterns.shape[-1] > 1:
        for layer, heads in enumerate(patterns[:, :, 1:]):
            logarithms = np.log(heads, where=heads > 0, out=np.zeros_like(heads))
            means[layer] = -(heads * logarithms).sum(-1).mean(-1)
    return means
