"""Blocks of a text out to workers, tokens back in the order of the text."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import numpy as np
from jaxtyping import Int

from minigpt.datasets.files.split_points import documents
from minigpt.tokenizers.documents import Part, characters_of

BLOCK: Final = 1 << 18
"""Characters of a block, at least, and less than a longest part more at most."""


class Workers(Protocol):
    """Whoever encodes blocks, several at once."""

    most: int
    """Blocks that are with them at once, at most: so memory stays bounded."""

    def submit(self, block: list[Part]) -> Callable[[], Int[np.ndarray, " pos"]]:
        """Hand a block in.

        Returns:
            What waits for its tokens, and raises `DataError` if they are lost.
        """


def encode_in_order(
    workers: Workers, text: Iterable[str], separator: str | None
) -> Iterator[tuple[Int[np.ndarray, " pos"], int]]:
    """Encode a text as `encode_parts` does, by several workers.

    Args:
        workers: Who encodes.
        text: The blocks of a text that is read bit by bit.
        separator: What stands between two documents (none: there is one).

    Yields:
        The ids of each block, and how many characters of the text they stand for.
    """
    under_way: deque[tuple[Callable[[], np.ndarray], int]] = deque()
    for block, length in _blocks(documents(text, separator), separator):
        if len(under_way) == workers.most:
            ids, characters = under_way.popleft()
            yield ids(), characters
        under_way.append((workers.submit(block), length))
    for ids, characters in under_way:
        yield ids(), characters


def _blocks(
    parts: Iterable[Part], separator: str | None
) -> Iterator[tuple[list[Part], int]]:
    """Put parts together, so that who hands them over is not busy with that alone."""
    block: list[Part] = []
    length = 0
    for part in parts:
        block.append(part)
        length += characters_of(part, separator)
        if length >= BLOCK:
            yield block, length
            block, length = [], 0
    if block:
        yield block, length
