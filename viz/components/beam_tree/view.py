"""A beam search as a tree that grows step by step, with every candidate considered."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viz.beams import TreeNode, nats, tree_rows
from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_piece, display_pieces

PROMPT_PIECES = 8
"""How many of the prompt's last tokens are printed before a path."""

PATHS = ("greedy", "best", "exhaustive")
"""Texts that can be marked: greedy's, the beam's best, the best of all there are."""

_mount = register("beam_tree", "stepping", "beam_tree_drawing")


@dataclass(frozen=True)
class SearchTree:
    """The candidates that a beam search considered.

    Raises:
        ValueError: If lengths differ, or a path has an unknown name.
    """

    nodes: Sequence[TreeNode]
    """In order of their ids; parents before children."""
    pieces: Sequence[str]
    """The text of each node's token."""
    prompt: Sequence[str]
    """The prompt's pieces; another prompt starts at the first step again."""
    captions: Sequence[str]
    """What to say at each step, one per step."""
    paths: Mapping[str, Sequence[int]]
    """Some of `PATHS` as ids of nodes."""
    length_penalty: float = 1.0
    """A text's sum is divided by its length to this power."""
    step: int | None = None
    """How far it has grown, for as long as it is said; None leaves it to the reader."""

    def __post_init__(self) -> None:
        """Check the lengths and the names of the paths."""
        count = len(self.nodes)
        if len(self.pieces) != count:
            raise ValueError(f"There are {count} nodes but {len(self.pieces)} pieces.")
        if unknown := set(self.paths) - set(PATHS):
            raise ValueError(f"A path is one of {PATHS}, not {sorted(unknown)}.")
        last, given = max(node.step for node in self.nodes), len(self.captions)
        if given < last:
            raise ValueError(f"{last} steps need {last} captions, not {given}.")


def beam_tree(tree: SearchTree, *, key: str) -> int | None:
    """Draw a column per step and a node per candidate, the best on top.

    Next, Space, the slider and Play let it grow. Pointing at a node (or moving to it
    with the arrow keys) shows its whole text in words and numbers, a click or Enter
    locks it, Esc clears. Greedy's path is outlined as it grows; the best path and the
    best of all are marked at the last step.

    Args:
        tree: What to draw.
        key: The view's name on this page.

    Returns:
        The node locked now, or None.
    """
    nodes, prompt, paths = tree.nodes, tree.prompt, tree.paths
    rows, num_rows = tree_rows(nodes, [paths[name] for name in PATHS if name in paths])
    chosen, clicked = chosen_position(key, range(len(nodes)))
    _mount(
        key=key,
        data={
            "nodes": [
                _packed(node, piece, row)
                for node, piece, row in zip(nodes, tree.pieces, rows, strict=True)
            ],
            "rows": num_rows,
            "prompt": display_pieces(prompt[-PROMPT_PIECES:]),
            "shortened": len(prompt) > PROMPT_PIECES,
            "search": "\0".join(prompt),
            "captions": list(tree.captions),
            "paths": {name: list(path) for name, path in paths.items()},
            "lengthPenalty": f"{tree.length_penalty:g}",
            "step": tree.step,
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen


def _packed(node: TreeNode, piece: str, row: int) -> dict[str, Any]:
    return {
        "parent": node.parent,
        "step": node.step,
        "row": row,
        "rank": node.rank,
        "piece": display_piece(piece),
        "logProb": nats(node.log_prob),
        "share": round(math.exp(min(0.0, node.log_prob)), 4),
        "sum": nats(node.cumulative),
        "score": nats(node.score),
        "status": node.status,
        "reason": node.reason,
        "returned": node.returned,
    }
