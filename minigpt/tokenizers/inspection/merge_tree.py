"""How one word came to its tokens: its bytes, joined two by two, drawn as a tree.

`byte_pair.merging` gives only the result, as fast as it can. Here every join on the way
is kept. The tree of a tokenizer with fewer merges is a part of the tree of one with
more: a node is there as soon as `needed` merges are.
"""

from dataclasses import dataclass
from itertools import pairwise

from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer


@dataclass(frozen=True, slots=True)
class MergeNode:
    """A byte of a text, a name read as one, or what two neighbours were joined into."""

    start: int
    """Its first byte's place in the text."""
    end: int
    """The place behind its last byte."""
    piece: bytes
    rank: int | None
    """Which merge made it, from 0; None for a byte."""
    needed: int
    """How many merges must be known for it to be there; 0 for a byte."""
    parts: tuple[int, int] | None
    """Which two nodes it joins, by their places in the list; None for a byte."""


def merge_tree(tokenizer: BPETokenizer, text: str) -> list[MergeNode]:
    """Return the bytes of a text, then every join, in the order of its making.

    Args:
        tokenizer: Whose merges.
        text: A few words; no join crosses from one into the next.

    Raises:
        DataError: If it is not text.
    """
    names = {each.name for each in tokenizer.rules.typed_tokens}
    nodes: list[MergeNode] = []
    rows: list[list[int]] = []
    start = 0
    for word in tokenizer.words(text):  # perhaps normalised: not always the text itself
        spelling = word.encode("utf-8")
        parts = [spelling] if word in names else [bytes([b]) for b in spelling]
        rows.append(list(range(len(nodes), len(nodes) + len(parts))))
        for piece in parts:
            nodes.append(MergeNode(start, start + len(piece), piece, None, 0, None))
            start += len(piece)
    ranks = {pair: rank for rank, pair in enumerate(tokenizer.merges)}
    for row in rows:
        _join(nodes, row, ranks)
    return nodes


def _join(
    nodes: list[MergeNode], row: list[int], ranks: dict[tuple[bytes, bytes], int]
) -> None:
    """Join the neighbours in a row of nodes, the lowest rank first, the left of equals.

    Args:
        nodes: Where each join is added.
        row: The places in `nodes` of one word's bytes.
        ranks: The rank of each pair.
    """
    while True:
        pairs = [
            (ranks[pair], place)
            for place, pair in enumerate(
                (nodes[left].piece, nodes[right].piece) for left, right in pairwise(row)
            )
            if pair in ranks
        ]
        if not pairs:
            return
        rank, place = min(pairs)
        left, right = nodes[row[place]], nodes[row[place + 1]]
        nodes.append(
            MergeNode(
                start=left.start,
                end=right.end,
                piece=left.piece + right.piece,
                rank=rank,
                needed=max(rank + 1, left.needed, right.needed),
                parts=(row[place], row[place + 1]),
            )
        )
        row[place : place + 2] = [len(nodes) - 1]


def roots(nodes: list[MergeNode], merges: int) -> list[int]:
    """Return which nodes are tokens once so many merges are known, from left to right.

    Args:
        nodes: A tree.
        merges: How many merges.
    """
    known = [place for place, node in enumerate(nodes) if node.needed <= merges]
    inside = {part for place in known for part in nodes[place].parts or ()}
    tops = [place for place in known if place not in inside]
    return sorted(tops, key=lambda place: nodes[place].start)
