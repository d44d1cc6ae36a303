"""Where a run's steps spend their time, and how much of the machine they use.

Read off the run's own journal and status: the training process measures, and everybody
else may look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigpt.runs.status import RunStatus
from minigpt.training.timing import PARTS

STEPS = 50
"""How many of the last logged steps are averaged."""


@dataclass(frozen=True)
class StepTime:
    """What an average step of late was like."""

    milliseconds: dict[str, float]
    """By part, in the order in which a step comes to them."""
    tokens_per_second: float
    flops_per_second: float | None
    """Arithmetic of the model that was done; None where it is not counted."""
    peak_flops_per_second: float | None
    """What a product of two large matrices reached in the same process."""

    @property
    def total(self) -> float:
        """Milliseconds of the whole step."""
        return sum(self.milliseconds.values())

    @property
    def shares(self) -> dict[str, float]:
        """Each part's share of the step, from 0 to 1."""
        total = self.total or 1.0
        return {part: each / total for part, each in self.milliseconds.items()}

    @property
    def share_of_peak(self) -> float | None:
        """What was done, as a share of what the machine can do."""
        if not self.flops_per_second or not self.peak_flops_per_second:
            return None
        return self.flops_per_second / self.peak_flops_per_second

    def __str__(self) -> str:
        """Say it in a line."""
        parts = ", ".join(
            f"{part} {share:.0%}" for part, share in self.shares.items() if share
        )
        said = f"{self.total:.1f} ms: {parts}; {self.tokens_per_second:,.0f} tokens/s"
        if self.flops_per_second is not None and self.share_of_peak is not None:
            said += (
                f", {self.flops_per_second / 1e9:.1f} GFLOP/s = "
                f"{self.share_of_peak:.0%} of the measured peak"
            )
        return said


def step_time(
    records: Sequence[Mapping[str, Any]], status: RunStatus
) -> StepTime | None:
    """Average the last steps of a run's journal.

    Args:
        records: What `Run.metrics` gives.
        status: Where the run stands.

    Returns:
        None before the first step, and for a run of a time when this was not measured.
    """
    steps = [r for r in records if r.get("kind") == "step" and "other_seconds" in r]
    if not steps:
        return None
    speed = steps[-1]["tokens_per_second"]
    flops = status.flops_per_token
    return StepTime(
        milliseconds=mean_milliseconds(steps),
        tokens_per_second=speed,
        flops_per_second=None if flops is None else flops * speed,
        peak_flops_per_second=status.peak_flops_per_second,
    )


def mean_milliseconds(steps: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return how long each part of a step took, on average over the last steps.

    Args:
        steps: A journal's records of steps, one or more.
    """
    last = [step for step in steps if "other_seconds" in step][-STEPS:]
    return {
        part: 1000 * sum(step[f"{part}_seconds"] for step in last) / len(last)
        for part in PARTS
    }


def elapsed_before(records: Sequence[Mapping[str, Any]], step: int) -> float:
    """Return the seconds of training up to a step, in a run that is resumed there."""
    return max(
        (r.get("elapsed_seconds", 0.0) for r in records if r["step"] <= step),
        default=0.0,
    )
