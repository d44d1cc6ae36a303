"""A sentence's bytes, gliding together merge by merge."""

from collections.abc import Callable, Sequence
from typing import Protocol

from viz.components.merge_blocks.view import Node
from viz.components.shared.mounting import read_position, register, sent
from viz.spelling import spelled

_mount = register("merge_motion", "stepping")


class Step(Protocol):
    """One merge at all of its places, as `replay` of `minigpt` gives it."""

    @property
    def rank(self) -> int:
        """Which merge."""

    @property
    def made(self) -> Sequence[int]:
        """The nodes that it makes."""


def merge_motion(
    nodes: Sequence[Node],
    steps: Sequence[Step],
    step: int,
    *,
    key: str,
    on_step: Callable[[int], None] | None = None,
) -> None:
    """Draw a text's pieces in a row; each step joins one pair wherever it stands.

    Next, Back, Space and Play go from merge to merge. Readers who asked their system
    for less motion see the pieces change without gliding.

    Args:
        nodes: The text's bytes, then every join.
        steps: Which joins each merge makes, in order.
        step: How many steps are made at first.
        key: The view's name on this page.
        on_step: Called with the number of steps where the reader stays.
    """

    def stay() -> None:
        reached = sent(key, "reached", read_position)
        if on_step is not None and reached is not None:
            on_step(max(0, min(len(steps), reached)))

    _mount(
        key=key,
        data={
            "labels": [spelled(node.piece) for node in nodes],
            "bytes": sum(node.parts is None for node in nodes),
            "steps": [
                {
                    "rank": one.rank,
                    "joins": [[*_parts(nodes[place]), place] for place in one.made],
                }
                for one in steps
            ],
            "step": step,
        },
        on_reached_change=stay,
    )


def _parts(node: Node) -> tuple[int, int]:
    if node.parts is None:
        raise ValueError("A step makes joins; a byte was given.")
    return node.parts
