"""Callbacks: how others watch a training, and ask it to stop.

The trainer knows nothing of files, pages or progress bars. It hands records to its
callbacks; the process with rank 0 alone does so when there are several.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Reason = Literal["finished", "stopped", "patience"]
"""Why a training ended: at its end, at a request, or for lack of progress."""


@dataclass(frozen=True)
class StepRecord:
    """What one step of training was like."""

    step: int
    """Steps taken so far, this one included."""
    total_steps: int | None
    """Steps of the whole training; None while the end is unknown."""
    epoch: int
    """The pass over the data this step belongs to, from 1."""
    loss: float
    """Of this step's batch, before its update, in nats per token."""
    average_loss: float
    """Mean over the steps of this epoch so far, in nats per token."""
    learning_rate: float
    """Of the first group of the optimizer."""
    gradient_norm: float
    """Length of the whole gradient, before clipping."""
    tokens_seen: int
    """Labels learned from since the beginning."""
    tokens_per_second: float
    """Over the last steps, without evaluations and saves."""
    eta_seconds: float | None
    """Time left at this pace, in seconds; None while the end is unknown."""
    measures: dict[str, float] = field(default_factory=dict)
    """What else the objective measured, by name."""
    seconds: float = 0.0
    """Of the whole step, without evaluations and saves."""
    cpu_seconds: float = 0.0
    """How long the thread that trains was at work itself in that time."""
    slower: float | None = None
    """How many times longer the last steps took than their CPU time explains: others
    are at work on this machine. None where a step waits for a GPU or other processes,
    and in the first steps."""
    parts: dict[str, float] = field(default_factory=dict)
    """The same seconds by part (see `timing.PARTS`); empty if not measured."""


@dataclass(frozen=True)
class EvalRecord:
    """What a look at held-out text gave."""

    step: int
    epoch: int
    loss: float
    """In nats per token."""
    perplexity: float
    """e^loss: among how many equally likely tokens the model hesitates."""
    bits_per_character: float | None
    """None when the tokenizer does not let one count characters."""
    is_best: bool
    """Whether no evaluation of this kind was lower before."""
    complete: bool
    """Whether all held-out text was read, or only `eval_batches` batches."""
    measures: dict[str, float] = field(default_factory=dict)
    """What else the objective measured, by name."""
    unit: str = "token"
    """What the loss is a mean of."""


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended."""

    step: int
    epoch: int
    loss: float | None
    """Of the last step, in nats per token; None if no step was left to take."""
    validation_loss: float | None
    """Over all held-out text, at the end; None without held-out text."""
    best_loss: float | None
    """The lowest of the interim evaluations; `best_model` is that step's."""
    stopped: bool
    """Whether it ended before its last step."""
    reason: Reason
    checkpoint: Path
    """The last checkpoint: where to resume."""


class TrainerCallback:
    """Watches a training. Override what you need; the rest does nothing."""

    reports: bool = False
    """Whether this callback tells the user of progress itself: then the trainer
    prints nothing."""

    def on_epoch(self, epoch: int, num_epochs: int | None) -> None:
        """Called when a pass over the data begins, counted from 1; the total if set."""

    def reads_weights(self, step: int) -> bool:
        """Whether `on_step` looks at the model itself after this step."""
        del step
        return False

    def on_step(self, record: StepRecord) -> None:
        """Called after every step."""

    def on_evaluation(self, record: EvalRecord) -> None:
        """Called after every evaluation."""

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Called after every checkpoint, once it is safely on disk."""

    def should_stop(self) -> bool:
        """Whether to save and stop now. Asked after every step."""
        return False

    def on_end(self, result: TrainingResult) -> None:
        """Called once, when the training has ended."""


class ConsoleLog(TrainerCallback):
    """Writes a line now and then, as the tutorials show it.

    Args:
        interval: Steps between two lines.
    """

    reports = True

    def __init__(self, interval: int = 100) -> None:
        self.interval = interval

    def on_epoch(self, epoch: int, num_epochs: int | None) -> None:
        """Write `Epoch 1/10`."""
        if num_epochs is not None:
            _write(f"Epoch {epoch}/{num_epochs}")

    def on_step(self, record: StepRecord) -> None:
        """Write `Step 100: loss = 3.2145, avg_loss = 3.4567, lr = 0.000300`."""
        if record.step % self.interval == 0:
            _write(
                f"Step {record.step}: loss = {record.loss:.4f}, "
                f"avg_loss = {record.average_loss:.4f}, "
                f"lr = {record.learning_rate:.6f}"
            )

    def on_evaluation(self, record: EvalRecord) -> None:
        """Write the loss on held-out text."""
        best = " (best so far)" if record.is_best else ""
        _write(
            f"Step {record.step}: validation loss = {record.loss:.4f}, "
            f"perplexity = {record.perplexity:.2f}{best}"
        )

    def on_end(self, result: TrainingResult) -> None:
        """Write where the last checkpoint is."""
        _write(f"Saved {result.checkpoint}")


class CallbackList(TrainerCallback):
    """Several callbacks that look like one.

    Args:
        callbacks: Called in this order. If none of them reports, a `ConsoleLog` does.
    """

    def __init__(self, callbacks: Sequence[TrainerCallback]) -> None:
        self.callbacks = list(callbacks)
        if not any(callback.reports for callback in callbacks):
            self.callbacks.append(ConsoleLog())

    def on_epoch(self, epoch: int, num_epochs: int | None) -> None:
        """Tell all."""
        for callback in self.callbacks:
            callback.on_epoch(epoch, num_epochs)

    def reads_weights(self, step: int) -> bool:
        """Whether any of them looks at the model."""
        return any(callback.reads_weights(step) for callback in self.callbacks)

    def on_step(self, record: StepRecord) -> None:
        """Tell all."""
        for callback in self.callbacks:
            callback.on_step(record)

    def on_evaluation(self, record: EvalRecord) -> None:
        """Tell all."""
        for callback in self.callbacks:
            callback.on_evaluation(record)

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Tell all."""
        for callback in self.callbacks:
            callback.on_checkpoint(path, step)

    def should_stop(self) -> bool:
        """Whether any of them asks for it."""
        return any(callback.should_stop() for callback in self.callbacks)

    def on_end(self, result: TrainingResult) -> None:
        """Tell all."""
        for callback in self.callbacks:
            callback.on_end(result)


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
