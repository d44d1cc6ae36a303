"""RoPE as clock hands: each pair of a query and a key turns with its position."""

from dataclasses import dataclass

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import register

MOST_CLOCKS = 16
"""At most this many pairs are drawn, from quickest to slowest; the score sums all."""

_mount = register("clock_hands")


@dataclass(frozen=True)
class TokenVector:
    """A query or a key before it is turned."""

    numbers: Array
    """[d_head]; number i is paired with i + d_head / 2."""
    name: str
    """Its token, drawn with `viz.tokens`."""
    position: int
    """Where it stands at first."""


def clock_hands(
    query: TokenVector,
    key_vector: TokenVector,
    speeds: Array,
    *,
    key: str,
    longest: int,
) -> None:
    """Show a clock per pair, and q · k / √d_head worked out as the reader turns them.

    Two sliders set the positions, a third moves both together: the score follows the
    distance alone. Everything is computed in the browser from the vectors given.

    Args:
        query: What reads.
        key_vector: What is read.
        speeds: Radians per position, [d_head / 2].
        key: The view's name on this page.
        longest: The training length in positions; sliders go to twice as many.

    Raises:
        ValueError: If the vectors do not have two numbers per speed.
    """
    pairs = len(speeds)
    lengths = [len(query.numbers), len(key_vector.numbers)]
    if lengths != [2 * pairs] * 2:
        raise ValueError(
            f"{pairs} speeds turn {2 * pairs} numbers, not {lengths[0]} and "
            f"{lengths[1]}."
        )
    chosen = np.unique(np.linspace(0, pairs - 1, min(pairs, MOST_CLOCKS)).round())
    _mount(
        key=key,
        data={
            "query": np.asarray(query.numbers, dtype=float).tolist(),
            "key": np.asarray(key_vector.numbers, dtype=float).tolist(),
            "speeds": np.asarray(speeds, dtype=float).tolist(),
            "shown": chosen.astype(int).tolist(),
            "names": [query.name, key_vector.name],
            "positions": [int(query.position), int(key_vector.position)],
            "longest": int(longest),
        },
    )
