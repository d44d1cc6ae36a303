"""A text and its ids, linked: point at a piece and see its number, or the other way."""

from collections.abc import Collection, Sequence

from viz.components.shared.mounting import chosen_position, register
from viz.spelling import standing_alone

MOST_PIECES = 600
"""Pieces sent to the browser; of a longer text the beginning."""

_mount = register("piece_links")


def piece_links(
    pieces: Sequence[str],
    ids: Sequence[int],
    details: Sequence[str],
    summary: str,
    *,
    key: str,
    special: Collection[int] = (),
) -> int | None:
    """Show a text as coloured pieces, and below it the ids that a model gets.

    Equal ids have equal colours. Hovering a piece or an id marks both and says more, a
    click or Enter locks it, Esc clears.

    Args:
        pieces: Token texts.
        ids: Token ids, as many.
        details: More to say about each, such as its bytes and merge.
        summary: What the line above says while nothing is pointed at.
        key: The view's name on this page.
        special: Positions of special tokens, which are drawn apart.

    Returns:
        Position locked now, or None.

    Raises:
        ValueError: If the lengths differ.
    """
    for name, values in (("ids", ids), ("details", details)):
        if len(values) != len(pieces):
            raise ValueError(f"{len(pieces)} pieces but {len(values)} {name}.")
    shown = min(len(pieces), MOST_PIECES)
    chosen, clicked = chosen_position(key, range(shown))
    _mount(
        key=key,
        data={
            "pieces": [standing_alone(piece) for piece in pieces[:shown]],
            "ids": [int(token) for token in ids[:shown]],
            "details": list(details[:shown]),
            "special": sorted(place for place in special if place < shown),
            "summary": summary,
            "hidden": len(pieces) - shown,
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen
