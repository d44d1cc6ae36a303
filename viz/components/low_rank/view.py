"""A change of a weight as B times A, laid out as one multiplies by hand."""

from collections.abc import Callable

from viz.attention import Array, pack_floats
from viz.components.shared.mounting import chosen_cell, register

_mount = register("low_rank")


def low_rank(
    b: Array,
    a: Array,
    *,
    name: str,
    key: str,
    selected: tuple[int, int] | None = None,
    on_select: Callable[[tuple[int, int] | None], None] | None = None,
) -> tuple[int, int] | None:
    """Show two thin matrices and their product; a cell says which numbers made it.

    Pointing into the product (or moving in it with the arrow keys) marks a row of B and
    a column of A, a click or Enter locks the cell, Esc clears.

    Args:
        b: [out rank].
        a: [rank in].
        name: What the product is, for screen readers.
        key: The view's name on this page.
        selected: Row and column of the product to lock.
        on_select: Called with (row, column), or None when cleared, on a click, before
            the page runs again.

    Returns:
        Row and column locked now, or None.

    Raises:
        ValueError: If the two cannot be multiplied, or `selected` lies outside.
    """
    if b.ndim != 2 or a.ndim != 2 or b.shape[1] != a.shape[0]:
        raise ValueError(
            f"B {list(b.shape)} times A {list(a.shape)} is no product: B needs as many "
            "columns as A has rows."
        )
    out, width = b.shape[0], a.shape[1]
    chosen, clicked = chosen_cell(key, (out, width), selected, on_select)
    _mount(
        key=key,
        data={
            "out": out,
            "in": width,
            "rank": a.shape[0],
            "name": name,
            "b": pack_floats(b),
            "a": pack_floats(a),
            "selected": None if chosen is None else list(chosen),
        },
        on_picked_change=clicked,
    )
    return chosen
