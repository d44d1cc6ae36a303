"""Where the nodes of a circuit stand: tokens across, layers down, none on another.

Next: `circuit_graph`, which draws them.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GraphNode:
    """A part at a token."""

    name: str
    part: int
    """What tells it from other parts; −1: the answer."""
    row: int
    """From the embeddings, 0, downwards."""
    position: int
    effect: float
    """Logits of the difference."""


def columns_of(nodes: Sequence[GraphNode]) -> dict[int, tuple[float, float]]:
    """Return where the column of each position with nodes begins, and its width.

    A column is as wide as its fullest row.
    """
    fullest: dict[int, int] = {}
    for row, position in {(node.row, node.position) for node in nodes}:
        count = sum((each.row, each.position) == (row, position) for each in nodes)
        fullest[position] = max(fullest.get(position, 1), count)
    columns, begin = {}, 0.0
    for position in sorted(fullest):
        size = 0.35 + 0.85 * fullest[position]
        columns[position] = (begin, size)
        begin += size
    return columns


def places_of(
    nodes: Sequence[GraphNode], columns: dict[int, tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return where each node stands: those of one row side by side."""
    places = []
    for number, node in enumerate(nodes):
        beside = [
            place
            for place, each in enumerate(nodes)
            if (each.row, each.position) == (node.row, node.position)
        ]
        begin, size = columns[node.position]
        at = (beside.index(number) + 0.5) / len(beside)
        places.append((begin + at * size, float(node.row)))
    return places
