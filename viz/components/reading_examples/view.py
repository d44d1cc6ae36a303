"""Excerpts of a corpus, each with one query and the tokens that it reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viz.attention import Array, pack_bytes
from viz.components.shared.mounting import register
from viz.tokens import display_pieces

TOKENS = 40
"""Tokens shown of an excerpt, the query last."""

MOST_NAMED = 3
"""Keys that are named under an excerpt."""

LEAST_NAMED = 0.005
"""Smaller weights are not named."""

_mount = register("reading_examples")


@dataclass(frozen=True)
class ReadingExample:
    """A query and what it reads."""

    pieces: Sequence[str]
    """Token texts up to the query, which is the last."""
    row: Array
    """The query's weights on them, 0–1."""


def reading_examples(examples: Sequence[ReadingExample], *, key: str) -> None:
    """Show excerpts: the query is framed, every other token as dark as its weight.

    Under each, the strongest reads are named with their weights.

    Args:
        examples: At least one token each.
        key: The view's name on this page.

    Raises:
        ValueError: If a row is not as long as its pieces, or a weight lies outside 0–1.
    """
    _mount(key=key, data={"examples": [_packed(example) for example in examples]})


def _packed(example: ReadingExample) -> dict[str, object]:
    pieces = display_pieces(example.pieces)
    row = np.asarray(example.row, dtype=np.float64)
    if row.shape != (len(pieces),) or not pieces:
        raise ValueError(f"{len(pieces)} pieces, but weights of {list(row.shape)}.")
    strongest = [
        place
        for place in np.argsort(-row, kind="stable")[:MOST_NAMED].tolist()
        if row[place] >= LEAST_NAMED
    ]
    first = max(0, min(len(pieces) - TOKENS, *strongest, len(pieces) - 1))
    return {
        "pieces": pieces[first:],
        "isCut": first > 0,
        "levels": pack_bytes(np.clip(row[first:], 0, 1)),
        "reads": [[pieces[place], f"{row[place]:.3f}"] for place in strongest],
    }
