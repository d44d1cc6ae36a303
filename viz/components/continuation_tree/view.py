"""Many continuations of one prompt as a tree: as wide as many go there."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_piece, display_pieces

_mount = register("continuation_tree")


class TreeBranch(Protocol):
    """One token of the tree; `parent` is None at the root, `members` go through it."""

    @property
    def id(self) -> int:
        """Its place in the list."""

    @property
    def parent(self) -> int | None:
        """The branch before it."""

    @property
    def depth(self) -> int:
        """How many tokens stand before it."""

    @property
    def members(self) -> Sequence[int]:
        """Which of the continuations."""


def continuation_tree(
    branches: Sequence[TreeBranch],
    pieces: Sequence[str],
    rests: Sequence[Sequence[str]],
    seeds: Sequence[int],
    *,
    key: str,
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Show where continuations part; a click on a branch picks it.

    Args:
        branches: After their parents, such as `minigpt.generation.continuations` has.
        pieces: The text of each branch's token.
        rests: The texts of the tokens that each branch goes on with alone.
        seeds: Of each continuation.
        key: The view's name on this page.
        on_pick: Called with a branch, before the page runs again.

    Raises:
        ValueError: If the lengths differ, or a branch stands before its parent.
    """
    if not len(branches) == len(pieces) == len(rests):
        raise ValueError(
            f"{len(branches)} branches, {len(pieces)} pieces and {len(rests)} rests: "
            "there must be as many of each."
        )
    for place, branch in enumerate(branches):
        if branch.id != place or not (branch.parent is None or branch.parent < place):
            raise ValueError(f"Branch {place} stands before its parent.")

    def picked(branch: int | None) -> None:
        if branch is not None and on_pick is not None:
            on_pick(branch)

    _, clicked = chosen_position(key, range(len(branches)), None, picked)
    _mount(
        key=key,
        data={
            "count": len(seeds),
            "branches": [
                _packed(branch, piece, rest, seeds)
                for branch, piece, rest in zip(branches, pieces, rests, strict=True)
            ],
        },
        on_picked_change=clicked,
    )


def _packed(
    branch: TreeBranch, piece: str, rest: Sequence[str], seeds: Sequence[int]
) -> dict[str, Any]:
    return {
        "parent": branch.parent,
        "depth": int(branch.depth),
        "piece": display_piece(piece),
        "rest": "".join(display_pieces(rest)),
        # As text: JavaScript would round a seed above 2⁵³.
        "seeds": [str(seeds[member]) for member in branch.members],
    }
