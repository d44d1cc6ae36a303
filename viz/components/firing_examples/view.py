"""Excerpts of a corpus, each token tinted by how a neuron fires there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import register
from viz.components.tinted_text.view import MOST_LEVEL
from viz.tokens import display_pieces

BEFORE, AFTER = 24, 6
"""Tokens shown of an excerpt, before its own token and after it."""

_mount = register("firing_examples")


@dataclass(frozen=True)
class FiringExample:
    """A token in its text, and the neuron's activation at each token of it."""

    pieces: Sequence[str]
    activations: Array
    """[piece]."""
    place: int
    """Which piece the example is about."""


def firing_examples(
    examples: Sequence[FiringExample], most: float, *, key: str
) -> None:
    """Show excerpts: blue where the neuron fires above 0, vermillion below.

    Args:
        examples: At least one token each.
        most: The activation, either way, of the fullest tint.
        key: The view's name on this page.

    Raises:
        ValueError: If there are not as many activations as pieces, or no such place.
    """
    _mount(key=key, data={"examples": [_packed(each, most) for each in examples]})


def _packed(example: FiringExample, most: float) -> dict[str, object]:
    pieces, place = display_pieces(example.pieces), example.place
    values = np.asarray(example.activations, dtype=np.float64)
    if values.shape != (len(pieces),) or not 0 <= place < len(pieces):
        raise ValueError(
            f"{len(pieces)} pieces and the place {place}, but activations of "
            f"{list(values.shape)}."
        )
    first, end = max(0, place - BEFORE), min(len(pieces), place + AFTER + 1)
    share = (np.clip(values[first:end] / (most or 1.0), -1.0, 1.0) + 1) / 2
    return {
        "pieces": pieces[first:end],
        "cut": [first > 0, end < len(pieces)],
        "levels": np.rint(share * MOST_LEVEL).astype(int).tolist(),
        "place": place - first,
        "activation": f"{values[place]:z.3f}".replace("-", "−"),
    }
