"""Where a run's steps spend their time, and how much of the machine they use.

The training process measures; this reads the results from its journal and status.
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
    """The average of recent steps."""

    milliseconds: dict[str, float]
    """By part of the step, in order of execution."""
    tokens_per_second: float
    flops_per_second: float | None
    """Model operations per second; None where they are not counted."""
    peak_flops_per_second: float | None
    """Measured speed of a large matrix product in the same process."""

    @property
    def total(self) -> float:
        """Duration of the whole step, in milliseconds."""
        return sum(self.milliseconds.values())

    @property
    def shares(self) -> dict[str, float]:
        """Each part's share of the step, from 0 to 1."""
        total = self.total or 1.0
        return {part: each / total for part, each in self.milliseconds.items()}

    @property
    def share_of_peak(self) -> float | None:
        """The speed reached, as a share of the measured peak."""
        if not self.flops_per_second or not self.peak_flops_per_second:
            return None
        return self.flops_per_second / self.peak_flops_per_second

    def __str__(self) -> str:
        """Summarise it in one line."""
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
        None before the first step, and for old runs that did not measure it.
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
