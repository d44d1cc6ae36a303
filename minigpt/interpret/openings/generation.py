"""Where it matters how a next token is chosen: the temperature moves much there."""

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.beginnings import Beginning, beginnings
from minigpt.interpret.openings.opening import Opening

LEAST_ENTROPY = 1.0
"""Nats: below it one token is nearly certain, and there is little to choose."""

COLD, HOT = 0.5, 2.0
"""The temperatures compared."""


def generation_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the beginning after which the temperature moves the likeliest token most.

    Effects: `entropy` [nats] of the next token; `cold` and `hot`, the probability of
    the likeliest token at temperature 0.5 and 2; `kept` [tokens] by top-p 0.9.

    Returns:
        The place; None where there is no held-out text.
    """
    found = list(beginnings(checkpoint))
    is_open = [each for each in found if each.entropy >= LEAST_ENTROPY]
    best = max(is_open or found, key=_swing, default=None)
    if best is None:
        return None
    effects = {
        "entropy": best.entropy,
        "cold": best.largest_at(COLD),
        "hot": best.largest_at(HOT),
        "kept": best.nucleus_size(0.9),
    }
    return Opening(best.prompt, 0, 0, len(best.tokens) - 1, effects)


def _swing(beginning: Beginning) -> float:
    return beginning.largest_at(COLD) - beginning.largest_at(HOT)
