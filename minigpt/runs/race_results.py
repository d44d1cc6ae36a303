"""Which of two racing runs is ahead, from the journals of both.

Before: `minigpt.worker.racing`, which starts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

TIE = 0.02
"""Losses closer than this, in nats, are a tie: another seed may reverse them."""

Axis = Float[np.ndarray, " point"]


@dataclass(frozen=True)
class Lane:
    """What one of the two runs has recorded so far."""

    seconds: Axis
    """Training time without evaluations and saves, at each logged step."""
    tokens: Axis
    """Tokens trained on so far."""
    losses: Axis
    """Of each step's batch, in nats per token."""
    looks: list[tuple[float, float]]
    """Interim evaluations: seconds, and the loss on a part of the held-out text."""
    final_loss: float | None
    """On all held-out text, once the run has finished."""

    def smooth(self, over: Axis) -> Axis:
        """Average the losses over the last tenth of the way to each point.

        A fixed number of steps would be a short time for one run and a long time for
        the other.

        Args:
            over: `seconds` or `tokens`.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.losses)])
        end = np.arange(1, len(over) + 1)
        begin = np.minimum(np.searchsorted(over, 0.9 * over, side="right"), end - 1)
        return (sums[end] - sums[begin]) / (end - begin)

    def loss_at(self, place: float, over: Axis) -> float:
        """Return the smoothed loss at the last point up to a place on an axis."""
        point = int(np.searchsorted(over, place, side="right")) - 1
        return float(self.smooth(over)[max(0, point)])

    def seconds_to(self, loss: float) -> float | None:
        """Return when the held-out loss reached this, interpolating linearly."""
        if self.looks and self.looks[0][1] <= loss:
            return self.looks[0][0]
        for (begin, above), (end, below) in pairwise(self.looks):
            if below <= loss < above:
                return begin + (end - begin) * (above - loss) / (above - below)
        return None


def lane(records: Sequence[Mapping[str, Any]], *, finished: bool) -> Lane:
    """Read the journal of one run.

    Args:
        records: What `Run.metrics` gives.
        finished: Whether the run has finished.
    """
    timed = [record for record in records if "elapsed_seconds" in record]
    steps = [record for record in timed if record["kind"] == "step"]
    looks = [record for record in timed if record["kind"] == "evaluation"]
    numbers = [record for record in looks if record["loss"] is not None]
    return Lane(
        seconds=np.array([record["elapsed_seconds"] for record in steps], float),
        tokens=np.array([record["tokens_seen"] for record in steps], float),
        losses=np.array([record["loss"] for record in steps], float),
        looks=[(record["elapsed_seconds"], record["loss"]) for record in numbers],
        final_loss=looks[-1]["loss"] if finished and looks else None,
    )


class RaceResult(NamedTuple):
    """Which run is ahead."""

    leader: int | None
    """0, 1, or None while it is a tie."""
    losses: tuple[float, float]
    """Losses of both, in nats per token."""
    place: float
    """Where they are compared, in seconds or tokens."""


def current_result(
    first: Lane, second: Lane, *, by: str = "seconds"
) -> RaceResult | None:
    """Compare two runs at the last point both have reached, by time or tokens.

    Args:
        first: One run.
        second: The other.
        by: `seconds` or `tokens`.

    Returns:
        None until both have taken a step.
    """
    lanes = (first, second)
    axes: list[Axis] = [getattr(each, by) for each in lanes]
    if not all(map(len, axes)):
        return None
    place = float(min(axis[-1] for axis in axes))
    one, other = (
        each.loss_at(place, axis) for each, axis in zip(lanes, axes, strict=True)
    )
    return RaceResult(_lower(one, other), (one, other), place)


def final_result(first: Lane, second: Lane) -> RaceResult | None:
    """Compare the final losses on all held-out text; None before both have one."""
    one, other = first.final_loss, second.final_loss
    if one is None or other is None:
        return None
    place = float(max(first.seconds[-1], second.seconds[-1]))
    return RaceResult(_lower(one, other), (one, other), place)


def _lower(one: float, other: float) -> int | None:
    if abs(one - other) < TIE:
        return None
    return 0 if one < other else 1
