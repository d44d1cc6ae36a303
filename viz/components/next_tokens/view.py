"""What may come next: a row per token, as long as its probability, to click."""

from collections.abc import Callable, Sequence

from viz.components.shared.mounting import listener, read_position, register
from viz.probabilities import probability_text
from viz.tokens import display_pieces

_mount = register("next_tokens")


def next_tokens(
    pieces: Sequence[str],
    tokens: Sequence[int],
    probabilities: Sequence[float],
    *,
    key: str,
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Show candidates for the next token as bars; a click picks one.

    Bars are drawn on the whole scale, 0 to 1: a model that is unsure looks unsure.

    Args:
        pieces: The candidates' texts, likeliest first.
        tokens: Their ids, as many.
        probabilities: Their probabilities, 0–1, as many.
        key: The view's name on this page.
        on_pick: Called with the id on a click, before the page runs again.

    Raises:
        ValueError: If the lengths differ or a probability lies outside 0–1.
    """
    if not len(pieces) == len(tokens) == len(probabilities):
        raise ValueError(
            f"{len(pieces)} pieces, {len(tokens)} tokens and {len(probabilities)} "
            "probabilities: there must be as many of each."
        )
    offered = {int(token) for token in tokens}

    def picked(token: int | None) -> None:
        if token is not None and on_pick is not None:
            on_pick(token)

    _mount(
        key=key,
        data={
            "candidates": [
                {
                    "piece": piece,
                    "token": int(token),
                    "probability": float(probability),
                    "text": probability_text(probability),
                }
                for piece, token, probability in zip(
                    display_pieces(pieces), tokens, probabilities, strict=True
                )
            ]
        },
        on_picked_change=listener(key, read_position, offered.__contains__, picked),
    )
