"""A beam search as rows and tables: the layout of its nodes, and their texts.

The tree itself is `components.beam_tree`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import pandas as pd

from viz.tokens import display_pieces

Fate = Literal["kept", "pruned", "finished", "unseen"]


class TreeNode(Protocol):
    """A continuation that was considered, as `minigpt.generation` gives it."""

    @property
    def id(self) -> int:
        """Its place in the list of all."""

    @property
    def parent(self) -> int:
        """The id of the node that it continues; −1 is the prompt."""

    @property
    def step(self) -> int:
        """Counted from 1."""

    @property
    def rank(self) -> int:
        """Among the candidates of its step; −1 if it was never one."""

    @property
    def log_prob(self) -> float:
        """Of its token alone, in nats."""

    @property
    def cumulative(self) -> float:
        """Of all tokens up to it."""

    @property
    def score(self) -> float:
        """Cumulative, normalised by length."""

    @property
    def status(self) -> Fate:
        """What became of it."""

    @property
    def reason(self) -> str:
        """Why, in a few words."""

    @property
    def returned(self) -> int | None:
        """Its place among the texts returned."""


class ScoredTokens(Protocol):
    """A whole text with its scores."""

    @property
    def tokens(self) -> list[int]:
        """What was written."""

    @property
    def cumulative(self) -> float:
        """The log-probability of all of it, in nats."""

    @property
    def score(self) -> float:
        """Cumulative, normalised by length."""


def nats(value: float, digits: int = 2) -> str:
    """Write a log-probability, with a minus sign that is as wide as a plus.

    >>> nats(-1.234), nats(-0.0001), nats(-123.456)
    ('−1.23', '0.00', '−123.46')
    """
    text = f"{value:.{digits}f}"
    is_zero = float(text) == 0
    return text.lstrip("-") if is_zero else text.replace("-", "−")


def times_likelier(difference: float) -> str:
    """Say how many times likelier a text is whose log-probability is so much higher.

    >>> times_likelier(2.5), times_likelier(0.08), times_likelier(40.0)
    ('12 times', '1.08 times', 'e^40 times')
    """
    if difference > 14:
        return f"e^{difference:.0f} times"
    times = math.exp(difference)
    return f"{times:.2f} times" if times < 2 else f"{float(f'{times:.2g}'):,.10g} times"


def tree_rows(
    nodes: Sequence[TreeNode], paths: Sequence[Sequence[int]]
) -> tuple[list[int], int]:
    """Return the row of each node, and how many rows there are.

    Candidates are ordered by rank. Nodes that only another text passes through lie
    below all candidates, in a row of that text's own.

    Args:
        nodes: In order of their ids.
        paths: Texts as ids of nodes.
    """
    considered = 1 + max((node.rank for node in nodes), default=0)
    rows = [node.rank for node in nodes]
    lanes = 0
    for path in paths:
        missing = [node for node in path if rows[node] < 0]
        for node in missing:
            rows[node] = considered + lanes
        lanes += bool(missing)
    return rows, considered + lanes


def path_to(nodes: Sequence[TreeNode], node: int) -> list[int]:
    """Return the ids from the first token to a node."""
    path = []
    while node >= 0:
        path.append(node)
        node = nodes[node].parent
    return path[::-1]


def candidate_table(nodes: Sequence[TreeNode], written: Sequence[str]) -> pd.DataFrame:
    """Return every node of the tree, a row each: the table behind it.

    Args:
        nodes: In order of their ids.
        written: The whole text up to each node.
    """
    return pd.DataFrame(
        {
            "step": [node.step for node in nodes],
            "rank": [node.rank + 1 if node.rank >= 0 else None for node in nodes],
            "text": display_pieces(written),
            "ln p": [node.log_prob for node in nodes],
            "sum": [node.cumulative for node in nodes],
            "score": [node.score for node in nodes],
            "outcome": [node.status for node in nodes],
            "why": [node.reason for node in nodes],
        }
    )


def text_table(
    texts: Mapping[str, ScoredTokens], written: Mapping[str, str]
) -> pd.DataFrame:
    """Return whole texts with their scores, a row each.

    Args:
        texts: By name: `1`, `greedy`.
        written: What their tokens spell, by the same names.
    """
    return pd.DataFrame(
        {
            "text": display_pieces([written[name] for name in texts]),
            "tokens": [len(text.tokens) for text in texts.values()],
            "sum": [text.cumulative for text in texts.values()],
            "score": [text.score for text in texts.values()],
        },
        index=pd.Index(list(texts), name="found by"),
    )
