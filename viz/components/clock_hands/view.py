"""RoPE as clock hands: each pair of a query and a key turns with its position."""

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import register

MOST_CLOCKS = 16
"""Of more pairs, so many are drawn, from quickest to slowest; all are counted."""

_mount = register("clock_hands")


def clock_hands(
    query: Array,
    key_vector: Array,
    speeds: Array,
    *,
    key: str,
    query_name: str,
    key_name: str,
    query_position: int,
    key_position: int,
    longest: int,
) -> None:
    """Show a clock per pair, and q · k / √d_head worked out as the reader turns them.

    Two sliders set the positions, a third moves both together: the score follows the
    distance alone. Everything is computed in the browser from the vectors given.

    Args:
        query: Before it is turned, [d_head]; number i is paired with i + d_head / 2.
        key_vector: Likewise.
        speeds: Radians per position, [d_head / 2].
        key: The view's name on this page.
        query_name: The query's token, drawn with `viz.tokens`.
        key_name: The key's.
        query_position: Where the query stands at first.
        key_position: Where the key stands at first.
        longest: Positions in the training; sliders go to twice as many.

    Raises:
        ValueError: If the vectors do not have two numbers per speed.
    """
    pairs = len(speeds)
    if not len(query) == len(key_vector) == 2 * pairs:
        raise ValueError(
            f"{pairs} speeds turn {2 * pairs} numbers, not {len(query)} and "
            f"{len(key_vector)}."
        )
    chosen = np.unique(np.linspace(0, pairs - 1, min(pairs, MOST_CLOCKS)).round())
    _mount(
        key=key,
        data={
            "query": np.asarray(query, dtype=float).tolist(),
            "key": np.asarray(key_vector, dtype=float).tolist(),
            "speeds": np.asarray(speeds, dtype=float).tolist(),
            "shown": chosen.astype(int).tolist(),
            "names": [query_name, key_name],
            "positions": [int(query_position), int(key_position)],
            "longest": int(longest),
        },
    )
