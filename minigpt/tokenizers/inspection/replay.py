"""A text's merges in the order in which they were learned, one after another.

`merge_tree` gives the joins word by word. Here those that one merge makes, wherever in
the text, are one step: what happens to a whole sentence as the tokenizer's list of
merges is gone through from its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from minigpt.tokenizers.inspection.merge_tree import MergeNode


@dataclass(frozen=True)
class ReplayStep:
    """One merge, at every place of the text where its pair stands."""

    rank: int
    """Which merge, from 0."""
    needed: int
    """How many merges must be known for its joins to be there."""
    made: tuple[int, ...]
    """The nodes that it makes, by their places in the tree, from left to right."""


def replay(nodes: Sequence[MergeNode]) -> list[ReplayStep]:
    """Return the merges that join a text's bytes, in the order of learning.

    Args:
        nodes: The text's tree.
    """
    joins = [
        (node.needed, node.rank, node.start, place)
        for place, node in enumerate(nodes)
        if node.rank is not None
    ]
    # A merge may wait for a part that a later one makes: then it comes right after it.
    joins.sort(key=lambda join: (join[0], nodes[join[3]].end - join[2], join[1]))
    steps = []
    for (needed, rank), made in groupby(joins, key=lambda join: join[:2]):
        places = sorted(made, key=lambda join: join[2])
        steps.append(ReplayStep(rank, needed, tuple(join[3] for join in places)))
    return steps
