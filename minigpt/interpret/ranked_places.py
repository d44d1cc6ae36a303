"""Places in a corpus by a score: the strongest, one of each tenth, and some at random.

The strongest examples make anything look like a specialist: they were picked for it.
One of each tenth and a random sample beside them show what it does most of the time.

Before: `corpora`, whose windows are ranked. Next: `heads.corpus_examples` and
`neurons.examples`.

Source: Bolukbasi et al. 2021, arXiv:2104.07143, "An Interpretability Illusion for
BERT", for what strongest examples hide.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Place = tuple[int, int]
"""A window, and a position in it."""


class RankedPlaces(NamedTuple):
    """Places of three kinds."""

    strongest: list[Place]
    """The windows that rank highest, each at its highest position."""
    deciles: list[Place]
    """From the middle of each tenth of all places, the highest tenth first."""
    random: list[Place]
    """Places that were drawn and not chosen, from as many windows."""


def ranked_places(
    scores: Float[np.ndarray, "window pos"], count: int, seed: int = 0, first: int = 0
) -> RankedPlaces:
    """Rank the places of a corpus by a score, and draw random ones.

    Args:
        scores: Of every place; the first column is the position `first`.
        count: Places of the first and the last kind, from as many windows.
        seed: Of the random sample.
        first: The first position that has a score.
    """
    number, length = scores.shape
    best = np.argsort(-scores.max(-1), kind="stable")[:count]
    rising = np.argsort(scores, axis=None, kind="stable")
    middles = rising[((np.arange(9, -1, -1) + 0.5) * len(rising) / 10).astype(int)]
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(number, min(count, number), replace=False))
    positions = rng.integers(first, first + length, size=len(drawn))
    return RankedPlaces(
        strongest=[(int(i), int(first + scores[i].argmax())) for i in best],
        deciles=[(int(at // length), int(first + at % length)) for at in middles],
        random=[(int(i), int(at)) for i, at in zip(drawn, positions, strict=True)],
    )
