"""Where the time of a training step goes: a stopwatch that knows the parts of a step.

The stopwatch never stops between two steps of a training, except for evaluations and
saves. So the parts of all steps add up to the time that the training took, and what
belongs to no named part is `other`: counting labels, drawing seeds, keeping records.

Next: `step` calls it at the end of each part; the journal records the times.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, thread_time
from typing import Final, NamedTuple

import torch

PARTS: Final = ("data", "forward", "backward", "optimizer", "other")
"""In the order in which a step comes to them."""

_GPU_INTERVAL: Final = 20


class StepSeconds(NamedTuple):
    """What a step took, in seconds."""

    whole: float
    parts: dict[str, float]
    """By part; empty where they were not measured."""
    cpu: float
    """How long the thread that trains was at work itself: the rest of the time it
    waited, or others had its core."""


class StepClock:
    """Reads the time at the end of each part of a step.

    A GPU works off its queue while Python runs ahead, so there the end of a part is
    known only after waiting for it. That costs time: one step in twenty does it.

    Args:
        device: Where the model computes.
        now: Returns the time, in seconds.
        cpu: Returns the CPU time of this thread, in seconds.
    """

    def __init__(
        self,
        device: torch.device | str = "cpu",
        now: Callable[[], float] = perf_counter,
        cpu: Callable[[], float] = thread_time,
    ) -> None:
        self._waits = torch.device(device).type == "cuda"
        self._now, self._cpu_now, self._steps = now, cpu, 0
        self.begin()

    def begin(self) -> None:
        """Start again: the time since the last part belongs to no step."""
        self._seconds, self._cpu = dict.fromkeys(PARTS, 0.0), 0.0
        self._last, self._cpu_last = self._now(), self._cpu_now()

    @property
    def tells_parts(self) -> bool:
        """Whether the parts of this step are measured; its whole always is."""
        return not self._waits or self._steps % _GPU_INTERVAL == 0

    def end(self, part: str) -> None:
        """Count the time since the part before as this one's.

        Args:
            part: One of `PARTS`. A step may come to the same one several times.
        """
        if self._waits and self.tells_parts:
            torch.cuda.synchronize()
        now = self._now()
        self._seconds[part] += now - self._last
        self._last = now

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time inside the `with`."""
        self.end("other")
        self._count_cpu()
        yield
        self._last, self._cpu_last = self._now(), self._cpu_now()

    def finish_step(self) -> StepSeconds:
        """Return what a step took, and begin the next."""
        self.end("other")
        self._count_cpu()
        seconds, self._seconds = self._seconds, dict.fromkeys(PARTS, 0.0)
        parts = seconds if self.tells_parts else {}
        cpu, self._cpu = self._cpu, 0.0
        self._steps += 1
        return StepSeconds(sum(seconds.values()), parts, cpu)

    def _count_cpu(self) -> None:
        now = self._cpu_now()
        self._cpu += now - self._cpu_last
        self._cpu_last = now
