"""A text as its tokens: bounded pieces, where one colour is one token id."""

from collections.abc import Callable, Sequence

from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_pieces

_mount = register("token_pieces")


def token_pieces(
    pieces: Sequence[str],
    ids: Sequence[int],
    selected: int | None = None,
    *,
    key: str,
    show_ids: bool = False,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show the pieces of a text; equal tokens have equal colours.

    Hovering tells a piece's id and marks its twins, a click or Enter selects, Esc
    clears.

    Args:
        pieces: Token texts.
        ids: Token ids, as many.
        selected: Position to select.
        key: The view's name on this page.
        show_ids: Also print each id under its piece.
        on_select: Called with the position, or None when cleared, on a click, before
            the page runs again.

    Returns:
        Position selected now, or None.

    Raises:
        ValueError: If the lengths differ or `selected` lies outside.
    """
    if len(ids) != len(pieces):
        raise ValueError(f"{len(pieces)} pieces but {len(ids)} ids.")
    chosen, clicked = chosen_position(key, range(len(pieces)), selected, on_select)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "ids": [int(token) for token in ids],
            "breaks": ["\n" in piece for piece in pieces],
            "showIds": show_ids,
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen
