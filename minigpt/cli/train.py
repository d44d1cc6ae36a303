"""`train`: train a model on a text, or resume a run."""

import dataclasses
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minigpt.cli.output import note, say
from minigpt.cli.run_flags import site_of
from minigpt.cli.settings import TrainCommand, parse_train
from minigpt.config import RunConfig
from minigpt.config.training import BUILT_IN
from minigpt.errors import MinigptError, RunError
from minigpt.places import data_directory
from minigpt.regular_files import expanded
from minigpt.runs.checkpoints import FromStep
from minigpt.runs.finding import find_run
from minigpt.runs.job import IN_JOB, is_elsewhere, read_job
from minigpt.runs.lock import RunLock
from minigpt.runs.store import Run, RunStore, create_run
from minigpt.storage.following import leave
from minigpt.storage.keeping import forget_stored
from minigpt.storage.place import keep_in
from minigpt.worker.stop_requests import ParentProcess

if TYPE_CHECKING:
    from minigpt.worker.worker import TrainingOutcome


@dataclasses.dataclass(frozen=True)
class _Task:
    """A run to train, and whether this command created or resumes it."""

    run: Run
    resume: bool | FromStep
    is_new: bool


def run(words: Sequence[str]) -> int:
    """Run `train`."""
    command = parse_train(words)
    if int(os.environ.get("RANK", "0")) > 0:
        return _assist(command)
    flags = command.flags
    if (named := flags.watch or flags.stop or flags.upload) is not None:
        from minigpt.cli import elsewhere

        if flags.stop and "://" in named:
            return elsewhere.stop_stored(named)
        if flags.upload:
            return elsewhere.upload(find_run(named))
        do = elsewhere.stop if flags.stop else elsewhere.watch
        return do(find_run(named))
    task = _find_task(command)
    if flags.storage is not None:
        keep_in(task.run.path, flags.storage)
    if flags.engine != "local":
        from minigpt.cli.elsewhere import hand_in

        site = site_of(flags, read_job(task.run.path))
        return hand_in(task.run, site, is_new=task.is_new, detach=flags.detach)
    descriptor = flags.lock_descriptor
    lock = None if descriptor is None else RunLock.inherited(descriptor)
    quoted = shlex.join(["python", "-m", "minigpt", "train", *words])
    try:
        code = train_here(
            task.run,
            resume=task.resume,
            is_new=task.is_new,
            parent=ParentProcess(flags.follow_stdin, lock),
            command=quoted,
        )
        code = code or _train_the_others(task.run, flags.follow_stdin, quoted)
        leave(task.run)
        return code
    finally:
        if flags.follow_stdin:
            _start_who_waits(task.run)


def _train_the_others(run: Run, follow_stdin: bool, command: str) -> int:
    """Train the runs of a series that wait for this one to finish.

    If others wait for a place, the next of the series waits with them.
    """
    from minigpt.runs.time_spent import note_begin
    from minigpt.worker.launch import join_later
    from minigpt.worker.queue import read_queue
    from minigpt.worker.series import next_in_series

    code = 0
    while code == 0 and (following := next_in_series(run)) is not None:
        if follow_stdin and read_queue(RunStore(run.path.parent)).waiting:
            join_later(following)
            break
        run = following
        note_begin(run)
        parent = ParentProcess(follow_stdin)
        code = train_here(run, parent=parent, command=command)
    return code


def _start_who_waits(run: Run) -> None:
    """Start the runs that wait for the place that is free now.

    Not if the server has ended, which stops every training: then they wait for it.
    """
    from minigpt.worker.launch import advance
    from minigpt.worker.processes import follow_the_same, is_parent_gone

    if is_parent_gone():
        return
    follow_the_same()
    try:
        advance(RunStore(run.path.parent))
    except MinigptError as error:
        run.log(f"What waits could not be started: {error}")


def train_here(
    run: Run,
    *,
    resume: bool | FromStep = False,
    is_new: bool = False,
    parent: ParentProcess = ParentProcess(),  # noqa: B008
    command: str = "",
    announce: bool = True,
) -> int:
    """Train a run in this process, and report the result.

    Args:
        run: The run.
        resume: Continue from its newest checkpoint, or from which.
        is_new: Whether this command created it: it is removed if it cannot start.
        parent: What the process that started this one handed over.
        command: What the user typed, for the checkpoints' provenance.
        announce: Whether to print where the model is and how to use it.

    Returns:
        The exit code: 0, or 128 + the signal that stopped it.
    """
    # Imported here because torch takes seconds, and a wrong flag should fail at once.
    from minigpt.cli.progress import Stages, progress_for
    from minigpt.worker.worker import Display, train_run

    note(f"run {run.id}: {run.path}")
    try:
        outcome = train_run(
            run,
            resume=resume,
            parent=parent,
            command=command,
            display=Display(progress_for, Stages()),
        )
    except MinigptError:
        if is_new and not run.checkpoints():
            # Nothing was learned yet: clean up after a mistyped command.
            _forget(run)
        raise
    _report(run, outcome, announce)
    return 0 if outcome.signal_number is None else 128 + outcome.signal_number


def name_of(run: Run) -> str:
    """Return how to name a run in a command: its id, or its path if elsewhere."""
    usual = data_directory() / "runs"
    if run.path.parent.resolve() == usual.resolve():
        return run.id
    return shlex.quote(str(run.path))


def _find_task(command: TrainCommand) -> _Task:
    flags = command.flags
    if flags.run_dir is not None:
        if not (flags.run_dir / "config.json").is_file():
            raise RunError(
                f"There is no run in {flags.run_dir}: --output_dir makes one there."
            )
        return _Task(Run(flags.run_dir), resume=False, is_new=False)
    if flags.resume is not None:
        run = find_run(flags.resume, to_train=True)
        if is_elsewhere(run.path) and IN_JOB not in os.environ:
            raise RunError(
                f"The run {run.id!r} is trained elsewhere: --watch it, or --stop it "
                "first."
            )
        _extend(run, command)
        step = flags.from_step
        resume = True if step is None else FromStep(step)
        return _Task(run, resume=resume, is_new=False)
    config = _on_plain_text(command.config)
    if flags.output_dir is not None:
        path = expanded(flags.output_dir).absolute()
        return _Task(create_run(path, config), resume=False, is_new=True)
    store = RunStore(data_directory() / "runs")
    return _Task(store.create(config, flags.name), resume=False, is_new=True)


def _on_plain_text(config: RunConfig) -> RunConfig:
    """Let a run learn from a plain copy of a text in another form, and say so."""
    from minigpt.datasets.files.text_file import TextFile
    from minigpt.datasets.forms.separators import remark_on
    from minigpt.library.kept_texts import as_plain_text

    data, remark = as_plain_text(config.data)
    if not remark:
        if data.source not in BUILT_IN and not data.document_separator:
            remark = remark_on(TextFile(data.source))
        if remark:
            note(remark)
        return config
    note(remark)
    return config.replace(data=data.to_dict())


def _extend(run: Run, command: TrainCommand) -> None:
    """Apply flags that extend a resumed run or change its device."""
    status = run.status()
    if command.flags.from_step is not None:
        from minigpt.preparation.resuming import require_resumable

        require_resumable(run, command.flags.from_step)
    if status.state == "finished" and not command.given & {"max_steps", "num_epochs"}:
        raise RunError(
            f"The run {run.id!r} has finished its {status.step} steps: give "
            "--max_steps a larger number to train it further."
        )
    config = run.config
    if (extended := _extended(config, command)) != config:
        run.write_config(extended)


def _extended(config: RunConfig, command: TrainCommand) -> RunConfig:
    """Return the configuration of a resumed run, changed by the flags."""
    names = command.given & {"max_steps", "num_epochs", "device", "num_threads"}
    changes = {name: getattr(command.config.train, name) for name in names}
    if "num_epochs" in changes:
        changes.setdefault("max_steps", None)
    return config.replace(train=config.train.replace(**changes).to_dict())


def _assist(command: TrainCommand) -> int:
    """Train as one of several processes that `torchrun` started, but not the first."""
    from minigpt.preparation.resuming import newest_resumable
    from minigpt.worker.together import assist

    flags, config, checkpoint = command.flags, command.config, None
    if flags.resume is not None:
        run = find_run(flags.resume)
        config = _extended(run.config, command)
        checkpoint = newest_resumable(run, flags.from_step)
    try:
        assist(config, checkpoint)
    except MinigptError:
        return 2  # the first process reports why
    return 0


def _report(run: Run, outcome: "TrainingOutcome", announce: bool) -> None:
    from minigpt.runs.step_time import step_time

    result, name = outcome.result, name_of(run)
    if result.reason == "stopped":
        note(
            f"Stopped at step {result.step}; everything is saved. Resume with:\n"
            f"  python -m minigpt train --resume {name}"
        )
        return
    if (spent := step_time(run.metrics().records, run.status())) is not None:
        say(f"a step takes    {spent}")
    if result.reason == "patience":
        say(f"Stopped early at step {result.step}: no new best for a while.")
    if result.validation_loss is not None:
        finetune = run.config.finetune
        unit = "pair" if finetune and finetune.method == "dpo" else "token"
        say(f"validation loss {result.validation_loss:.4f} nats per {unit}")
    if not announce:
        return
    say(f"loss curve      {run.path / 'curves.svg'}")
    say(f"model           {run.best}")
    say(f"generate text   python -m minigpt generate --model_path {name}")


def _forget(run: Run) -> None:
    import shutil

    forget_stored(run)
    if run.path.parent.resolve() == (data_directory() / "runs").resolve():
        shutil.rmtree(run.path, ignore_errors=True)
        return
    # The user's own directory: remove only what the run put there.
    for name in ("config.json", "status.json", "lock", "log.txt", "stop"):
        (run.path / name).unlink(missing_ok=True)
    for name in ("metrics.jsonl", "samples.jsonl", "storage.json", "curves.svg"):
        (run.path / name).unlink(missing_ok=True)
    for name in ("checkpoints", "snapshots", "film"):
        shutil.rmtree(run.path / name, ignore_errors=True)
    if not any(run.path.iterdir()):
        run.path.rmdir()
