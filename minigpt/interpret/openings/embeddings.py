"""Where an embedding shows best what it has learned: a token among its like.

Nobody tells the search which tokens belong together. It looks for a token whose nearest
neighbours are as near to each other as to it: a verb beside a crowd of animals is not
one of them. What it finds is compared with two kinds of chance: tokens drawn at random
from the same table, and vectors of random directions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.openings.opening import Opening, held_out_prompts
from minigpt.interpret.positions.embedding_space import (
    Which,
    least_cosine,
    mean_cosine,
    nearest,
    random_nearest,
    token_table,
)

NEAREST = 5
"""Neighbours that must hang together. Kinds can be small: of tales' talking animals and
crowned heads there are eight, and with more neighbours, a stranger is among them."""
CLEAR = 0.1
"""Cosine above chance from which a table is said to show groups."""
WINDOWS, LENGTH = 128, 64
"""Text in which a token must occur: what training never saw, it never moved."""


@dataclass(frozen=True)
class EmbeddingOpening(Opening):
    """A token in a prompt, and the table in which its neighbours form a group."""

    table: Which = "embedding"


class _Found(NamedTuple):
    prompt: str
    position: int
    least: float
    together: float
    chance: float

    @property
    def gap(self) -> float:
        return self.together - self.chance


def embedding_opening(checkpoint: Checkpoint) -> EmbeddingOpening | None:
    """Search the token that forms the closest group with its nearest neighbours.

    That is the group whose two least similar members are most alike. The embedding is
    preferred; only where it shows no groups, the unembedding counts. Effects, all
    cosines: `together`, the mean between the token and its five nearest and among
    those; `chance`, the larger of two: the mean of two random tokens of the table, and
    the nearest of as many vectors of random directions; `gap` between them.

    Returns:
        The place; None where no held-out prompt gives one.
    """
    tables: list[Which] = ["embedding"]
    if not checkpoint.model.ties_embeddings:
        tables.append("unembedding")
    groups = {which: _closest_group(checkpoint, which) for which in tables}
    found = {which: group for which, group in groups.items() if group is not None}
    if not found:
        return None
    which = max(found, key=lambda each: found[each].gap)
    if found["embedding"].gap >= CLEAR or found[which].gap < CLEAR:
        which = "embedding"
    best = found[which]
    effects = {"together": best.together, "chance": best.chance, "gap": best.gap}
    return EmbeddingOpening(best.prompt, 0, 0, best.position, effects, which)


def _closest_group(checkpoint: Checkpoint, which: Which) -> _Found | None:
    table = token_table(checkpoint.model, which)[: checkpoint.tokenizer.vocab_size]
    chance = max(mean_cosine(table), random_nearest(table.shape[1], len(table) - 1))
    groups: dict[int, tuple[float, float, bool]] = {}
    occurring = _occurring(checkpoint)
    found: list[tuple[bool, _Found]] = []
    for prompt, position, token in _places(checkpoint):
        if token not in groups:
            group = [token, *nearest(table, token, NEAREST).tokens]
            together = least_cosine(table[group]), mean_cosine(table[group])
            groups[token] = *together, occurring.issuperset(group)
        least, mean, is_used = groups[token]
        found.append((is_used, _Found(prompt, position, least, mean, chance)))
    used = [each for is_used, each in found if is_used]
    candidates = used or [each for _, each in found]
    return max(candidates, key=lambda each: each.least, default=None)


def _places(checkpoint: Checkpoint) -> Iterator[tuple[str, int, int]]:
    """Yield every token of the prompts with its place; special tokens are left out."""
    for prompt, tokens in held_out_prompts(checkpoint):
        for position, token in enumerate(tokens):
            if token not in checkpoint.tokenizer.special_tokens:
                yield prompt, position, token


def _occurring(checkpoint: Checkpoint) -> set[int]:
    """Return the tokens of a good deal of text."""
    model, tokenizer, metadata = checkpoint
    length = min(LENGTH, model.config.max_seq_len)
    return set(held_out_windows(metadata, tokenizer, length, WINDOWS).ravel().tolist())
