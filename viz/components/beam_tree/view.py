"""A beam search as a tree that grows step by step, with every candidate considered."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from viz.beams import TreeNode, nats, tree_rows
from viz.components.shared.mounting import (
    current_choice,
    listener,
    read_position,
    register,
)
from viz.tokens import display_piece, display_pieces

PROMPT_PIECES = 8
"""So many of the prompt's last tokens stand before a path in words."""

PATHS = ("greedy", "best", "exhaustive")
"""Texts that can be marked: greedy's, the beam's best, the best of all there are."""

_mount = register("beam_tree", "stepping", "beam_tree_drawing")


def beam_tree(
    nodes: Sequence[TreeNode],
    pieces: Sequence[str],
    *,
    key: str,
    prompt: Sequence[str],
    captions: Sequence[str],
    paths: Mapping[str, Sequence[int]],
    length_penalty: float = 1.0,
    selected: int | None = None,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Draw a column per step and a node per candidate, the best on top.

    Next, Space, the slider and Play let it grow. Pointing at a node (or moving to it
    with the arrow keys) shows its whole text in words and numbers, a click or Enter
    locks it, Esc clears. Greedy's path is outlined as it grows; the best path and the
    best of all are marked at the last step.

    Args:
        nodes: In order of their ids; parents before children.
        pieces: The text of each node's token.
        key: The view's name on this page.
        prompt: The prompt's pieces; another prompt begins at the first step again.
        captions: What to say at each step, one per step.
        paths: Some of `PATHS` as ids of nodes.
        length_penalty: Length to this power divides a sum.
        selected: The node to lock.
        on_select: Called with the node's id, or None when cleared, on a click, before
            the page runs again.

    Returns:
        The node locked now, or None.

    Raises:
        ValueError: If lengths differ, or a path has an unknown name.
    """
    if len(pieces) != len(nodes):
        raise ValueError(f"There are {len(nodes)} nodes but {len(pieces)} pieces.")
    if unknown := set(paths) - set(PATHS):
        raise ValueError(f"A path is one of {PATHS}, not {sorted(unknown)}.")
    last = max(node.step for node in nodes)
    if len(captions) < last:
        raise ValueError(f"{last} steps need {last} captions, not {len(captions)}.")
    rows, num_rows = tree_rows(nodes, [paths[name] for name in PATHS if name in paths])

    def fits(node: int) -> bool:
        return 0 <= node < len(nodes)

    chosen = current_choice(key, selected, fits)
    _mount(
        key=key,
        data={
            "nodes": [
                _packed(node, piece, row)
                for node, piece, row in zip(nodes, pieces, rows, strict=True)
            ],
            "rows": num_rows,
            "prompt": display_pieces(prompt[-PROMPT_PIECES:]),
            "cut": len(prompt) > PROMPT_PIECES,
            "search": "\0".join(prompt),
            "captions": list(captions),
            "paths": {name: list(path) for name, path in paths.items()},
            "lengthPenalty": f"{length_penalty:g}",
            "selected": chosen,
        },
        on_picked_change=listener(key, read_position, fits, on_select),
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
