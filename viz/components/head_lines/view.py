"""The heads of one layer as lines, from each token to what it reads."""

from collections.abc import Callable, Sequence

import numpy as np

from viz.attention import Array, check_pattern, pack_thousandths
from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_pieces

_mount = register("head_lines")


def head_lines(
    pieces: Sequence[str],
    patterns: Array,
    place: tuple[int, int],
    selected: int | None = None,
    *,
    key: str,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Draw a line from each token to what it reads, as strong as the weight.

    One head is drawn at first, since all of them overlap; buttons add the others.
    Hovering a token shows its lines alone, a click locks it, Esc clears. A token on the
    right shows who reads it.

    Args:
        pieces: Token texts, one per position.
        patterns: Weights 0–1 of one layer, [head q_pos k_pos].
        place: Number of the layer, and the head to draw at first.
        selected: Position of the reading token to lock.
        key: The view's name on this page.
        on_select: Called with the position of the reading token, or None when cleared,
            on a click, before the page runs again.

    Returns:
        Position of the reading token locked now, or None.

    Raises:
        ValueError: If the patterns do not fit the pieces, or the head or `selected`
            lies outside.
    """
    weights = check_pattern(pieces, patterns)
    if weights.ndim != 3:
        raise ValueError(
            f"Lines show one layer, [head q_pos k_pos], not {list(weights.shape)}."
        )
    (layer, first), count = place, weights.shape[0]
    if not 0 <= first < count:
        raise ValueError(f"Head {first} is not one of the {count} heads given.")
    chosen, clicked = chosen_position(key, range(len(pieces)), selected, on_select)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "names": [f"L{layer}H{head}" for head in range(count)],
            "weights": pack_thousandths(np.asarray(weights)),
            "heads": [int(first)],
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen
