"""One head's pattern as a heat map: rows read, columns are read."""

from collections.abc import Callable, Sequence

from viz.attention import Array, check_pattern, pack_thousandths
from viz.components.shared.mounting import chosen_cell, register
from viz.tokens import display_pieces

_mount = register("attention_heatmap", "heatmap_painting")


def attention_heatmap(
    pieces: Sequence[str],
    pattern: Array,
    selected: tuple[int, int] | None = None,
    *,
    key: str,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show how much each token reads each other one.

    Hovering tells a cell's weight, a click (or Enter) locks it, Esc clears. Every
    weight shown is the tensor's own, rounded to three decimals.

    Args:
        pieces: Token texts, one per position.
        pattern: Weights 0–1 of one head, [q_pos k_pos]; not-a-number is masked.
        selected: Query and key position to lock.
        key: The view's name on this page.
        on_select: Called with (q_pos, k_pos), or None when cleared, on a click, before
            the page runs again.

    Returns:
        Query and key position locked now, or None.

    Raises:
        ValueError: If the pattern does not fit the pieces, or `selected` the pattern.
    """
    weights = check_pattern(pieces, pattern)
    if weights.ndim != 2:
        raise ValueError(
            f"A heat map shows one head, [q_pos k_pos], not {list(weights.shape)}."
        )
    chosen, clicked = chosen_cell(key, weights.shape, selected, on_select)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "weights": pack_thousandths(weights),
            "selected": None if chosen is None else list(chosen),
        },
        on_picked_change=clicked,
    )
    return chosen
