"""Progress: how far a training is, where it ends, and how fast it goes."""

from collections import deque
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from minigpt.config import Config
from minigpt.training.timing import StepSeconds

_FEW = 4
"""Steps."""
_RECENT = 10.0
"""Seconds."""


class TrainingProgress(Config):
    """What the trainer remembers between two steps, besides weights and optimizer.

    It is saved with a resumable checkpoint, and read as strictly as a config.
    """

    model_config = ConfigDict(frozen=False)

    step: int = Field(0, ge=0, description="Steps taken.")
    epoch: int = Field(0, ge=0, description="Epochs finished.")
    position: int = Field(0, ge=0, description="Batches of the present epoch taken.")
    tokens_seen: int = Field(0, ge=0, description="Labels learned from.")
    epoch_loss: float = Field(
        0.0, description="Sum of the present epoch's losses, in nats per token."
    )
    best_loss: float | None = Field(
        None, description="Lowest interim validation loss, in nats per token."
    )
    evaluations_since_best: int = Field(
        0, ge=0, description="Interim evaluations since then."
    )

    @property
    def average_loss(self) -> float:
        """Mean loss of the present epoch so far, in nats per token."""
        return self.epoch_loss / max(1, self.position)

    def count_step(self, loss: float, tokens: int) -> None:
        """Note a step that was taken."""
        self.step += 1
        self.position += 1
        self.epoch_loss += loss
        self.tokens_seen += tokens

    def finish_epoch(self) -> None:
        """Note that the data has been read once more."""
        self.epoch += 1
        self.position, self.epoch_loss = 0, 0.0

    def note_evaluation(self, loss: float) -> bool:
        """Note an interim evaluation; return whether it is the best so far."""
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.evaluations_since_best = loss, 0
            return True
        self.evaluations_since_best += 1
        return False


@dataclass(frozen=True)
class Limits:
    """Where a training ends: at the first limit that it reaches."""

    num_epochs: int | None
    """Passes over the data; None: as many as the steps take."""
    max_steps: int | None
    """Steps; None: as many as the passes take."""

    def are_reached(self, progress: TrainingProgress) -> bool:
        """Whether the training has reached one of its limits."""
        epochs, steps = self.num_epochs, self.max_steps
        epochs_done = epochs is not None and progress.epoch >= epochs
        return epochs_done or (steps is not None and progress.step >= steps)

    def total_steps(self, steps_per_epoch: int | None) -> int | None:
        """Return how many steps that is; None for data of unknown length."""
        limits = [] if self.max_steps is None else [self.max_steps]
        if self.num_epochs is not None and steps_per_epoch is not None:
            limits.append(self.num_epochs * steps_per_epoch)
        return min(limits, default=None)


class Pace:
    """How fast the last steps went, evaluations and saves left out."""

    def __init__(self, window: int = 50) -> None:
        self._steps: deque[tuple[int, StepSeconds]] = deque(maxlen=window)

    def count_step(self, tokens: int, took: StepSeconds) -> None:
        """Note how much a step learned from, and how long it took.

        A machine that was busy a while ago says little of the steps to come: those that
        ended longer ago than `_RECENT` seconds are forgotten, but for a few.
        """
        self._steps.append((tokens, took))
        seconds = self._seconds
        while len(self._steps) > _FEW and seconds > _RECENT:
            seconds -= self._steps.popleft()[1].whole

    @property
    def _seconds(self) -> float:
        return sum(took.whole for _, took in self._steps)

    @property
    def tokens_per_second(self) -> float:
        """Mean over the window."""
        return sum(tokens for tokens, _ in self._steps) / max(self._seconds, 1e-9)

    @property
    def slower(self) -> float | None:
        """How many times longer the steps took than their CPU time explains.

        A training that waits for its data is not at work, though nobody else has taken
        its core. None before a few steps were taken.
        """
        if len(self._steps) < _FEW:
            return None
        steps = [took for _, took in self._steps]
        waited = sum(took.parts.get("data", 0.0) for took in steps)
        cpu = sum(took.cpu for took in steps)
        return max(1.0, (self._seconds - waited) / max(cpu, 1e-9))

    def eta_seconds(self, steps_left: int | None) -> float | None:
        """Time for some more steps at this pace, in seconds."""
        if steps_left is None:
            return None
        return steps_left * self._seconds / len(self._steps)
