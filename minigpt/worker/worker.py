"""The training process: from a run's configuration to a trained model.

The command line calls `train_run` in its own process; the page starts such a process
(see `launch`). The run's status always says how it ended: finished, stopped, failed
with one clear line, or `interrupted` if the process was killed.
"""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch

from minigpt.atomic_writes import forget_leftovers, replace_file
from minigpt.errors import MinigptError, RunError
from minigpt.model.sizes import training_flops_per_token
from minigpt.preparation.preparation import prepare
from minigpt.preparation.prepared import Prepared
from minigpt.runs.checkpoints import FromStep
from minigpt.runs.curves import run_curve
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.job import IN_JOB, end_job, is_elsewhere
from minigpt.runs.lock import RunLock
from minigpt.runs.store import Run
from minigpt.runs.ticket import forget_ticket
from minigpt.runs.time_spent import note_end
from minigpt.storage.keeping import stored
from minigpt.training.callbacks import TrainerCallback, TrainingResult
from minigpt.training.distributed import has_lost_another
from minigpt.training.flops import measured_peak
from minigpt.training.precision import uses_half
from minigpt.training.trainer import Trainer
from minigpt.worker.adapting import Adapting
from minigpt.worker.preparation_progress import PreparationProgress, Show
from minigpt.worker.recorder import Recorder
from minigpt.worker.stop_requests import ParentProcess, StopRequests
from minigpt.worker.tracking import tracked
from minigpt.worker.within_minutes import WithinMinutes

_LONG = 3600.0
"""Seconds after which nobody writes a small file any more."""

ProgressFactory = Callable[[int, int], AbstractContextManager[TrainerCallback]]
"""Makes a progress display from the total number of steps and those already taken."""


class Display(NamedTuple):
    """How a run is shown to a person while it goes on."""

    progress: ProgressFactory | None = None
    """Shows the training steps."""
    show: Show | None = None
    """Shows what happens before the first step."""


class TrainingOutcome(NamedTuple):
    """How `train_run` ended."""

    result: TrainingResult
    signal_number: int | None
    """The signal that stopped it, if one did."""


def train_run(
    run: Run,
    *,
    resume: bool | FromStep = False,
    callbacks: Sequence[TrainerCallback] = (),
    display: Display = Display(),  # noqa: B008
    parent: ParentProcess = ParentProcess(),  # noqa: B008
    command: str = "",
) -> TrainingOutcome:
    """Train a run in this process, to its end or until asked to stop.

    Args:
        run: A run made by `RunStore.create`.
        resume: Continue from its newest checkpoint, if it has one, or from which.
        callbacks: Further callbacks of the trainer.
        display: Shows the run to a person.
        parent: What the process that started this one handed over.
        command: What the user typed, for the checkpoints' provenance.

    Raises:
        MinigptError: If the text, the settings or the machine do not allow it, or if
            the run is kept in a bucket, too, and the last upload failed.
    """
    lock = parent.lock or _acquire(run)
    try:
        _clear_up(run)
        status = run.status().replace(
            state="running", activity="starting", error=None, pid=os.getpid()
        )
        if parent.lock is None:  # nobody has estimated it
            status = status.replace(eta_seconds=None)
        with (
            stored(run),
            Heartbeat(run.path, status) as heartbeat,
            StopRequests(run.path, follow_stdin=parent.follow_stdin) as requests,
        ):
            tell = PreparationProgress(heartbeat, requests, display.show)
            with _failure_recorded(run, heartbeat), tracked(run) as trackers:
                prepared = prepare(run, resume, heartbeat, command, tell)
                recorder = Recorder(run, prepared, heartbeat, requests)
                others = [WithinMinutes(run, heartbeat), *trackers, *callbacks]
                result = _train(prepared, recorder, heartbeat, others, display)
            stopped = result.reason == "stopped"
            heartbeat.enter_state(
                "stopped" if stopped else "finished",
                activity="",
                step=result.step,
                eta_seconds=None,
            )
            return _outcome(run, result, requests)
    finally:
        note_end(run)
        lock.release()


def _outcome(
    run: Run, result: TrainingResult, requests: StopRequests
) -> TrainingOutcome:
    """Return how a run ended; its job, if it has one, ends with it.

    Not after a signal: then its cluster may begin the same job again.
    """
    number = requests.signal_number if result.reason == "stopped" else None
    if number is None:
        end_job(run.path)
    return TrainingOutcome(result, number)


def _clear_up(run: Run) -> None:
    """Delete what killed processes had begun to write, with the run's lock held."""
    forget_ticket(run.path)  # its turn has come, whoever started it
    for folder in ("checkpoints", "film", "snapshots"):  # only the lock's holder fills
        forget_leftovers(run.path / folder)
    forget_leftovers(run.path, older_than=_LONG)


def _acquire(run: Run) -> RunLock:
    lock = RunLock.acquire(run.path)
    if IN_JOB in os.environ and not is_elsewhere(run.path):
        lock.release()
        raise RunError(f"The run {run.id!r} was withdrawn while its job waited.")
    # Left over from an earlier stop. A caller that hands over a lock, or hands in a
    # job, has removed the file already: a request made since then is not lost.
    if not is_elsewhere(run.path):
        (run.path / "stop").unlink(missing_ok=True)
    return lock


def _train(
    prepared: Prepared,
    recorder: Recorder,
    heartbeat: Heartbeat,
    callbacks: Sequence[TrainerCallback],
    display: Display,
) -> TrainingResult:
    """Build the trainer, run it, and draw the loss curve."""
    total, start = prepared.total_steps, prepared.start_step
    progress = display.progress
    shown = nullcontext() if progress is None else progress(total, start)
    adapting = Adapting(recorder.run)
    try:
        with shown as bar:
            others = [adapting] if bar is None else [bar, adapting]
            trainer = prepared.build_trainer([recorder, *others, *callbacks])
            _measure_machine(trainer, prepared, heartbeat)
            adapting.begin(trainer)
            heartbeat.enter_state("running", activity="training")
            return trainer.train(resume_from_checkpoint=prepared.checkpoint)
    finally:
        adapting.end()
        recorder.close()
        _draw_curve(recorder.run, heartbeat)


def _measure_machine(
    trainer: Trainer, prepared: Prepared, heartbeat: Heartbeat
) -> None:
    """Note how much arithmetic the model needs, and how fast the machine is.

    Not for fine-tuning, which learns from some tokens only, with some weights only.
    """
    heartbeat.update(num_threads=torch.get_num_threads())
    if prepared.config.finetune is not None:
        return
    is_half = uses_half(prepared.config.train, trainer.team.device)
    heartbeat.update(
        flops_per_token=training_flops_per_token(prepared.model.config),
        peak_flops_per_second=measured_peak(
            trainer.team.device, torch.bfloat16 if is_half else torch.float32
        ),
    )


def _draw_curve(run: Run, heartbeat: Heartbeat) -> None:
    status, records = heartbeat.status, run.metrics().records
    if records:
        svg = run_curve(run, status, records)
        replace_file(run.path / "curves.svg", svg)


@contextmanager
def _failure_recorded(run: Run, heartbeat: Heartbeat) -> Iterator[None]:
    """Write into the status why a run ended early.

    Elsewhere, a run that loses one of its processes has not ended: all of them are
    begun again.

    Raises:
        RunError: Instead of any exception that is not meant for the user.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        heartbeat.enter_state(
            "interrupted",
            activity="",
            error="Interrupted before it could save. Resume to continue from the last "
            "checkpoint.",
        )
        raise
    except MinigptError as error:
        _record_failure(run, heartbeat, str(error))
        raise
    except BaseException as error:
        run.log(traceback.format_exc())
        if is_elsewhere(run.path) and has_lost_another(error):
            again = "lost a worker: waits for another"
            heartbeat.enter_state("running", activity=again, eta_seconds=None)
            raise RunError(f"{run.id}: {again}.") from error
        message = f"{_plain_words(error)} Details: {run.path / 'log.txt'}"
        _record_failure(run, heartbeat, message)
        raise RunError(message) from error


def _record_failure(run: Run, heartbeat: Heartbeat, message: str) -> None:
    run.log(f"Failed: {message}")
    heartbeat.enter_state("failed", activity="", error=message, eta_seconds=None)


def _plain_words(error: BaseException) -> str:
    """Say in one line what went wrong, and for common causes what to do."""
    text = str(error).strip().partition("\n")[0]
    kind = type(error).__name__
    if (
        isinstance(error, MemoryError)
        or "out of memory" in text.lower()
        or ("allocate memory" in text)
    ):
        return (
            "Out of memory. Make batch_size, max_seq_len or the model smaller, or "
            "raise accumulation_steps."
        )
    if has_lost_another(error):
        return (
            "Another process of this training has ended: resume to go on from the "
            "last checkpoint."
        )
    if isinstance(error, OSError):
        return f"The training stopped: {error.strerror or text} ({error.filename})."
    return f"The training stopped with an unexpected {kind}: {text}."
