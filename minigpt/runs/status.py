"""The small file that holds a run's current state: `status.json`.

Only the training process writes it (and, before that, the process that starts it).
Three states are not written but inferred: `stopping` is a running run with a `stop`
file, `interrupted` is one whose file says `running` while no process holds its lock
and no job elsewhere trains it (see `job`),
and `queued` is any run with a ticket (see `ticket`) whose process has not been started.
"""

import json
import time
from pathlib import Path
from typing import Literal

from pydantic import Field

from minigpt.atomic_writes import replace_file
from minigpt.config.base import Config
from minigpt.errors import ConfigError, RunError
from minigpt.runs.job import is_elsewhere, read_job
from minigpt.runs.lock import RunLock, is_locked
from minigpt.runs.ticket import forget_ticket, has_ticket

State = Literal[
    "queued", "running", "stopping", "stopped", "finished", "failed", "interrupted"
]
STARTING = 60.0
"""Seconds within which a run is created, and then started."""
UNREADABLE = (OSError, ValueError, TypeError, RecursionError, ConfigError)
"""What reading a run's settings or its status may end in, whoever wrote them."""
ALIVE: tuple[State, ...] = ("queued", "running", "stopping")


class RunStatus(Config):
    """The state of a run. Replaced as a whole, about once a second."""

    state: State = Field(
        "queued",
        description="queued: waits or is being started; stopped: on request, can be "
        "resumed; failed: see error; interrupted: its process died, can be resumed.",
    )
    activity: str = Field("", description="What the process is doing, in a few words.")
    step: int = Field(0, ge=0, description="Steps taken.")
    total_steps: int | None = Field(None, ge=0, description="Steps to take.")
    heartbeat: float = Field(0.0, description="Last sign of life, in Unix seconds.")
    pid: int | None = Field(None, description="The training process.")
    error: str | None = Field(None, description="Why it failed, in one line.")
    note: str | None = Field(
        None, description="What a resumed run had to do without, in one line."
    )
    train_loss: float | None = Field(
        None, description="Average over recent steps, in nats per token."
    )
    validation_loss: float | None = Field(
        None, description="Of the last evaluation, in nats per token."
    )
    best_loss: float | None = Field(
        None, description="Lowest validation loss so far, in nats per token."
    )
    tokens_per_second: float | None = Field(None, description="Speed of training.")
    eta_seconds: float | None = Field(None, description="Expected time to the end.")
    num_parameters: int | None = Field(None, description="Weights of the model.")
    vocab_size: int | None = Field(None, description="Tokens the model knows.")
    text_sha256: str | None = Field(
        None, description="Of the text, so that a resumed run sees the same."
    )
    uniform_loss: float | None = Field(
        None, description="Validation loss of a uniform guess, in nats per token."
    )
    unigram_loss: float | None = Field(
        None, description="Validation loss of token frequencies alone."
    )
    bigram_loss: float | None = Field(
        None, description="Validation loss given only the previous token."
    )

    flops_per_token: int | None = Field(
        None, description="Operations to train on one token, from the sizes."
    )
    peak_flops_per_second: float | None = Field(
        None, description="Measured speed of a large matrix product."
    )
    num_threads: int | None = Field(
        None, description="CPU threads of the process when it began."
    )
    slower: float | None = Field(
        None, description="How many times longer steps take than their CPU time."
    )

    @property
    def is_alive(self) -> bool:
        """Whether a process is training the run, or is about to."""
        return self.state in ALIVE

    @property
    def can_resume(self) -> bool:
        """Whether the run can be resumed: started, not alive and not finished."""
        return self.state in ("stopped", "failed", "interrupted")

    @property
    def baselines(self) -> dict[str, float]:
        """Baseline losses in nats per token, by name; empty until computed."""
        losses = {
            "uniform": self.uniform_loss,
            "unigram": self.unigram_loss,
            "bigram": self.bigram_loss,
        }
        return {name: loss for name, loss in losses.items() if loss is not None}


def write_status(directory: Path, status: RunStatus) -> None:
    """Replace a run's status, with the current time as its heartbeat."""
    pass_on_status(directory, status.replace(heartbeat=time.time()))


def pass_on_status(directory: Path, status: RunStatus) -> None:
    """Replace a run's status by one that tells of no new sign of life."""
    replace_file(
        directory / "status.json", json.dumps(status.to_dict(), indent=1) + "\n"
    )


def read_status(directory: Path) -> RunStatus:
    """Read a run's status; a run whose process died reads as `interrupted`.

    Raises:
        RunError: If the file is missing or damaged.
    """
    status = _written(directory)
    if has_ticket(directory) and not is_locked(directory):
        return status.replace(state="queued", pid=None, activity="", error=None)
    if status.state == "queued" and status.pid is None:
        return _not_started(directory, status)
    if status.is_alive and not is_locked(directory) and not is_elsewhere(directory):
        # It may have finished since the file was read: read it again.
        again = _written(directory)
        if again.is_alive:
            return again.replace(
                state="interrupted",
                activity="",
                error=f"{_who(directory)} ended without a word: it was killed, or "
                "the machine was lost or restarted. Resume to continue from its last "
                "checkpoint.",
            )
        return again
    if status.state == "running" and (directory / "stop").exists():
        return status.replace(state="stopping")
    return status


def _written(directory: Path) -> RunStatus:
    path = directory / "status.json"
    try:
        return RunStatus(**json.loads(path.read_text(encoding="utf-8")))
    except UNREADABLE as error:
        raise RunError(
            f"{path} cannot be read ({error}): delete the run's directory."
        ) from None


def _not_started(directory: Path, status: RunStatus) -> RunStatus:
    """Tell a run that is about to start from one whose starter was killed.

    A size of a series may wait for hours, until those before it are trained.
    """
    job = read_job(directory)
    if job is not None and job.ended and not is_locked(directory):
        return status.replace(
            state="interrupted",
            activity="",
            error=f"{_who(directory)} ended before it trained: it was cancelled, or "
            "could not begin; the log may say why. Resume to hand it in again.",
        )
    is_new = time.time() - status.heartbeat < STARTING or job is not None
    if is_new or (directory / "series.json").exists() or is_locked(directory):
        return status
    return status.replace(
        state="interrupted",
        error="It was created but never started: the process that created it was "
        "killed. Resume to start it.",
    )


def _who(directory: Path) -> str:
    job = read_job(directory)
    return f"The job {job.id}" if job is not None else "The training process"


def withdraw(directory: Path) -> bool:
    """Take a run out of the queue, unless it begins at this moment.

    What it had learned before stays, and it can be resumed.

    Args:
        directory: The run's.

    Returns:
        Whether it waited, and does not any more.

    Raises:
        RunError: If its status is damaged, or cannot be written.
    """
    if not has_ticket(directory):
        return False
    try:
        lock = RunLock.acquire(directory)
    except RunError:
        return False  # its process was started just now
    try:
        if not has_ticket(directory):
            return False
        forget_ticket(directory)
        status = read_status(directory)
        write_status(
            directory,
            status.replace(state="stopped", activity="", eta_seconds=None),
        )
    except OSError as error:
        raise RunError(
            f"{directory.name!r} cannot be withdrawn: {error.strerror or error}."
        ) from None
    finally:
        lock.release()
    return True
