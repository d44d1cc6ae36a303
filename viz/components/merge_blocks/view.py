"""How a word is merged from its bytes: stacked blocks that grow with every merge."""

from collections.abc import Sequence
from typing import Protocol

from viz.components.shared.mounting import register
from viz.spelling import spelled

_mount = register("merge_blocks")


class Node(Protocol):
    """A byte, or two neighbours joined, as `merge_tree` of `minigpt` gives it."""

    @property
    def start(self) -> int:
        """Its first byte."""

    @property
    def end(self) -> int:
        """Behind its last byte."""

    @property
    def piece(self) -> bytes:
        """Its bytes."""

    @property
    def rank(self) -> int | None:
        """Which merge made it; None for a byte."""

    @property
    def needed(self) -> int:
        """How many merges must be known for it to be there."""

    @property
    def parts(self) -> tuple[int, int] | None:
        """Which two nodes it joins."""


def merge_blocks(
    nodes: Sequence[Node], tokens: Sequence[int], merges: int, *, key: str
) -> None:
    """Draw a word's bytes at the bottom, and every join above what it joins.

    The tokens of this moment are coloured; joins that need later merges are outlines.
    Hover or arrow keys say which merge made a block.

    Args:
        nodes: Bytes first, then joins, parts before wholes.
        tokens: Which nodes are tokens at this moment.
        merges: How many merges are known.
        key: The view's name on this page.
    """
    heights = levels(nodes)
    roof = max(heights, default=0) + 1
    above = [roof] * len(nodes)
    for node, height in zip(nodes, heights, strict=True):
        for part in node.parts or ():
            above[part] = height
    current = set(tokens)
    blocks = [
        {
            "label": spelled(node.piece),
            "start": node.start,
            "end": node.end,
            "level": heights[place],
            "above": above[place],
            "rank": node.rank,
            "parts": [spelled(nodes[part].piece) for part in node.parts or ()],
            "known": node.needed <= merges,
            "token": place in current,
        }
        for place, node in enumerate(nodes)
    ]
    width = max((node.end for node in nodes), default=0)
    _mount(key=key, data={"blocks": blocks, "width": width, "levels": roof})


def levels(nodes: Sequence[Node]) -> list[int]:
    """Return how high each node stands: bytes at 0, a join above its higher part."""
    heights: list[int] = []
    for node in nodes:
        heights.append(
            1 + max((heights[part] for part in node.parts or ()), default=-1)
        )
    return heights
