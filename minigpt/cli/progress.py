"""Training progress in the shell: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from minigpt.cli.output import note, say
from minigpt.training.busy import busy_sentence
from minigpt.training.callbacks import (
    EvalRecord,
    StepRecord,
    TrainerCallback,
)

_LINE_EVERY_SECONDS = 5.0


class ProgressBar(TrainerCallback):
    """A bar with steps, loss, tokens per second and the time left.

    Args:
        total_steps: Steps of the whole run, or None if unknown.
        start_step: Steps already taken.
    """

    reports = True

    def __init__(self, total_steps: int | None, start_step: int = 0) -> None:
        self._console = Console()
        self._progress = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[speed]} tokens/s"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task: TaskID = self._progress.add_task(
            "train", total=total_steps, completed=start_step, loss="–", speed="–"
        )
        self._recent, self._was_busy = 0.0, False

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_step(self, record: StepRecord) -> None:
        """Move the bar."""
        first = self._recent == 0
        self._recent = (
            record.loss if first else 0.95 * self._recent + 0.05 * record.loss
        )
        self._progress.update(
            self._task,
            completed=record.step,
            loss=f"{self._recent:.3f}",
            speed=f"{record.tokens_per_second:,.0f}",
        )
        busy = busy_sentence(record.slower)
        if bool(busy) != self._was_busy:
            self._was_busy = bool(busy)
            self._print(busy or "This machine is free again.")

    def on_evaluation(self, record: EvalRecord) -> None:
        """Print the validation loss above the bar."""
        self._print(describe(record))

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)


class PlainLines(TrainerCallback):
    """A line every few seconds, for logs and pipes."""

    reports = True

    def __init__(self, total_steps: int | None) -> None:
        self._total = total_steps
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clean up."""

    def on_step(self, record: StepRecord) -> None:
        """Print loss, speed and time left, every few seconds."""
        now = time.monotonic()
        if now - self._last < _LINE_EVERY_SECONDS and record.step != self._total:
            return
        self._last = now
        eta = "" if record.eta_seconds is None else f", {record.eta_seconds:.0f} s left"
        total = "" if self._total is None else f"/{self._total}"
        busy = busy_sentence(record.slower)
        say(
            f"step {record.step}{total}: loss {record.loss:.3f}, "
            f"{record.tokens_per_second:,.0f} tokens/s{eta}"
            + (f". {busy}" if busy else "")
        )

    def on_evaluation(self, record: EvalRecord) -> None:
        """Print the validation loss."""
        say(describe(record))


class Stages:
    """Progress before the first step: a line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, activity: str, seconds_left: float | None) -> None:
        """Print an activity and its remaining time."""
        now = time.monotonic()
        if now - self._last < _LINE_EVERY_SECONDS:
            return
        self._last = now
        left = "" if seconds_left is None else f", {seconds_left:.0f} s left"
        note(f"{activity}{left}")


def describe(record: EvalRecord) -> str:
    """Describe an evaluation in one line."""
    bits = record.bits_per_character
    measured = [f"{name} {value:.3f}" for name, value in record.measures.items()]
    if record.unit == "token":
        measured.append(f"perplexity {record.perplexity:.2f}")
    if bits is not None:
        measured.append(f"{bits:.3f} bits per character")
    return (
        f"step {record.step}: validation loss {record.loss:.4f} nats per "
        f"{record.unit}, {', '.join(measured)}"
        + (" (whole split)" if record.complete else "")
        + (" – best so far" if record.is_best else "")
    )


def progress_for(
    total_steps: int | None, start_step: int = 0
) -> "ProgressBar | PlainLines":
    """Choose the bar on a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        return ProgressBar(total_steps, start_step)
    return PlainLines(total_steps)
