"""The training process: from a run's configuration to a trained model.

The command line calls `train_run` in its own process; the page starts such a process
(see `launch`). Whatever happens, the run's status says so: finished, stopped, failed
with one clear line, or, when the process is killed, `interrupted` by its silence.
"""

import os
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch

from minigpt.atomic_writes import replace_file
from minigpt.errors import MinigptError, RunError
from minigpt.preparation.preparation import prepare
from minigpt.preparation.prepared import Prepared
from minigpt.runs.curves import loss_curve_svg
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.lock import RunLock
from minigpt.runs.store import Run
from minigpt.training.callbacks import TrainerCallback, TrainingResult
from minigpt.training.flops import measured_peak, training_flops_per_token
from minigpt.training.precision import uses_half
from minigpt.training.trainer import Trainer
from minigpt.worker.preparation_progress import Show, Telling
from minigpt.worker.recorder import Recorder
from minigpt.worker.stop_requests import StopRequests
from minigpt.worker.tracking import tracked

ProgressFactory = Callable[[int, int], AbstractContextManager[TrainerCallback]]
"""Makes what shows progress, from the total of steps and those taken before."""


class Outcome(NamedTuple):
    """How `train_run` ended."""

    result: TrainingResult
    signal_number: int | None
    """The signal that stopped it, if one did."""


def train_run(
    run: Run,
    *,
    resume: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
    progress: ProgressFactory | None = None,
    show: Show | None = None,
    follow_stdin: bool = False,
    lock: RunLock | None = None,
    command: str = "",
) -> Outcome:
    """Train a run in this process, to its end or until asked to stop.

    Args:
        run: A run made by `RunStore.create`.
        resume: Go on from its newest checkpoint; without one, begin.
        callbacks: Who else hears of each step.
        progress: Shows progress to a person.
        show: Shows a person what happens before the first step.
        follow_stdin: Whether the end of standard input asks to save and stop.
        lock: The run's lock, if the caller holds it; else it is taken here.
        command: What the user typed, for the checkpoints' provenance.

    Raises:
        MinigptError: If the text, the settings or the machine do not allow it.
    """
    if lock is None:
        lock = RunLock.acquire(run.path)
        # Of an earlier stop. (Who hands over a lock has done this before, so that a
        # stop that was asked for since then is heard.)
        (run.path / "stop").unlink(missing_ok=True)
    try:
        status = run.status().replace(
            state="running", activity="starting", error=None, pid=os.getpid()
        )
        with (
            Heartbeat(run.path, status) as heartbeat,
            StopRequests(run.path, follow_stdin=follow_stdin) as requests,
        ):
            try:
                tell = Telling(heartbeat, requests, show)
                with tracked(run) as trackers:
                    prepared = prepare(run, resume, heartbeat, command, tell)
                    others = [*trackers, *callbacks]
                    result = _train(
                        run, prepared, heartbeat, requests, others, progress
                    )
            except BaseException as error:
                told = _told(error, run, heartbeat)
                if told is error:
                    raise
                raise told from error
            stopped = result.reason == "stopped"
            heartbeat.enter_state(
                "stopped" if stopped else "finished",
                activity="",
                step=result.step,
                eta_seconds=None,
            )
            return Outcome(result, requests.signal_number if stopped else None)
    finally:
        lock.release()


def _train(
    run: Run,
    prepared: Prepared,
    heartbeat: Heartbeat,
    requests: StopRequests,
    callbacks: Sequence[TrainerCallback],
    progress: ProgressFactory | None,
) -> TrainingResult:
    """Build the trainer, let it train, and draw the curve."""
    total, start = prepared.total_steps, prepared.start_step
    recorder = Recorder(
        run,
        prepared.model,
        prepared.tokenizer,
        source=prepared.source,
        always=prepared.config.train.checkpoint_steps,
        total_steps=total,
        start_step=start,
        heartbeat=heartbeat,
        requests=requests,
    )
    shown = nullcontext(recorder) if progress is None else progress(total, start)
    try:
        with shown as display:
            others = [] if display is recorder else [display]
            trainer = prepared.build_trainer([recorder, *others, *callbacks])
            _measure_machine(trainer, prepared, heartbeat)
            heartbeat.enter_state("running", activity="training")
            result = trainer.train(resume_from_checkpoint=prepared.checkpoint)
    finally:
        recorder.close()
        _draw_curve(run, heartbeat)
    return result


def _measure_machine(
    trainer: Trainer, prepared: Prepared, heartbeat: Heartbeat
) -> None:
    """Note what the model asks of the machine, and what the machine can do.

    Not for tuning: there only some tokens are learned from, and only some weights.
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
        weights = f"{status.num_parameters or 0:,} weights"
        title = f"{run.id}: {run.config.model_type}, {weights}"
        svg = loss_curve_svg(records, status.baselines, title)
        replace_file(run.path / "curves.svg", svg)


def _told(error: BaseException, run: Run, heartbeat: Heartbeat) -> BaseException:
    """Write into the status why the run ended, and return what to raise."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        heartbeat.enter_state(
            "interrupted",
            activity="",
            error="Interrupted before it could save. Resume to go on from the last "
            "checkpoint.",
        )
        return error
    if not isinstance(error, MinigptError):
        run.log(traceback.format_exc())
        error = RunError(f"{_plain_words(error)} Details: {run.path / 'log.txt'}")
    run.log(f"Failed: {error}")
    heartbeat.enter_state("failed", activity="", error=str(error), eta_seconds=None)
    return error


def _plain_words(error: BaseException) -> str:
    """Say in one line what broke, and for the usual causes what to do."""
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
    if isinstance(error, OSError):
        return f"The training stopped: {error.strerror or text} ({error.filename})."
    return f"The training stopped with an unexpected {kind}: {text}."
