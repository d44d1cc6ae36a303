"""Many continuations of one prompt, and the tree of what they share.

One sample shows what came, twenty show what may come: they part where the model is
unsure and go together where it is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator
from minigpt.generation.result import Generation


def continue_often(
    generator: Generator,
    prompt: str,
    config: GenerationConfig,
    count: int,
    forced: Sequence[int] = (),
) -> Iterator[Generation]:
    """Continue one prompt several times, each time with the next seed.

    Args:
        generator: Who writes.
        prompt: What is continued.
        config: How; its seed is the first one's (none: 0). Each continuation is what
            its own seed alone would give.
        count: How many.
        forced: The first tokens of every continuation.
    """
    first = config.seed or 0
    for seed in range(first, first + count):
        yield generator.generate(prompt, config.replace(seed=seed), forced)


@dataclass(frozen=True)
class PrefixBranch:
    """One token of the tree: everyone here wrote the same tokens up to this one."""

    id: int
    parent: int | None
    """None for a first token."""
    depth: int
    """Counted from 0 at the first token."""
    token: int
    members: list[int]
    """Which of the continuations go through it."""
    rest: list[int]
    """Where only one continuation is left: the tokens that it goes on with."""


def prefix_tree(sequences: Sequence[Sequence[int]]) -> list[PrefixBranch]:
    """Join sequences of tokens where they begin alike.

    A branch grows until one sequence is alone on it; what that one goes on with is its
    `rest`. Of branches with one parent, the one that most go through comes first.

    >>> [(b.token, b.members, b.rest) for b in prefix_tree([[5, 7], [5, 8, 9]])]
    [(5, [0, 1], []), (7, [0], []), (8, [1], [9])]

    Args:
        sequences: Tokens of each continuation.

    Returns:
        Every branch after its parent, in the order of a walk through the tree.
    """
    branches: list[PrefixBranch] = []

    def grow(parent: int | None, depth: int, members: list[int]) -> None:
        ways: dict[int, list[int]] = {}
        for member in members:
            if depth < len(sequences[member]):
                ways.setdefault(sequences[member][depth], []).append(member)
        for token, here in sorted(ways.items(), key=lambda way: -len(way[1])):
            alone = len(here) == 1
            rest = list(sequences[here[0]][depth + 1 :]) if alone else []
            branch = PrefixBranch(len(branches), parent, depth, token, here, rest)
            branches.append(branch)
            if not alone:
                grow(branch.id, depth + 1, here)

    grow(None, 0, list(range(len(sequences))))
    return branches


def path_to(branches: Sequence[PrefixBranch], branch: int) -> list[int]:
    """Return the tokens from the root of a tree to one of its branches."""
    tokens: list[int] = []
    here: int | None = branch
    while here is not None:
        tokens.append(branches[here].token)
        here = branches[here].parent
    return tokens[::-1]
