"""Which checkpoint a run goes on from: the newest that is whole, or a chosen one.

A damaged one, as a full disk may leave it, is skipped for the one before it. A run that
goes back to a chosen step takes all later steps again: what was saved of them is
deleted, so that a later resume does not jump ahead of its own curve.

Next: `preparation`, which builds the rest around it.
"""

from pathlib import Path

from minigpt.checkpoint import (
    has_training_state,
    load_checkpoint,
    read_training_state,
    remove_directory,
)
from minigpt.errors import CheckpointError, RunError
from minigpt.runs.checkpoints import SavedStep, checkpoint_step
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.store import Run


def resumable(run: Run, at_most: int | None = None) -> list[SavedStep]:
    """Return the checkpoints that training can go on from, in order of the step.

    Args:
        run: The run.
        at_most: Only those up to this step; None: all.
    """
    return [
        saved
        for saved in run.checkpoints()
        if has_training_state(saved.path) and (at_most is None or saved.step <= at_most)
    ]


def require_resumable(run: Run, step: int) -> None:
    """Check that a run has a checkpoint of a step to go on from.

    Raises:
        RunError: If it has none.
    """
    steps = [saved.step for saved in resumable(run)]
    if step in steps:
        return
    choose = f"choose one of {', '.join(map(str, steps))}" if steps else "it has none"
    raise RunError(
        f"The run {run.id!r} has no checkpoint of step {step} to resume from: {choose}."
    )


def newest_resumable(run: Run, at_most: int | None = None) -> Path | None:
    """Return the newest checkpoint that is whole; None if there is none.

    Args:
        run: The run.
        at_most: Not one of a later step than this.

    Raises:
        CheckpointError: If there are some, and all of them are damaged.
    """
    damage: CheckpointError | None = None
    for saved in reversed(resumable(run, at_most)):
        try:
            load_checkpoint(saved.path)
            read_training_state(saved.path)
        except CheckpointError as error:
            run.log(f"Skipped a damaged checkpoint: {error}")
            damage = damage or error
        else:
            return saved.path
    if damage is not None:
        raise damage
    return None


def words_if_skipped(
    run: Run, checkpoint: Path | None, at_most: int | None = None
) -> str | None:
    """Say which steps are taken again because a checkpoint is damaged.

    Args:
        run: The run.
        checkpoint: The one that it goes on from.
        at_most: The step that was chosen; None: the newest.
    """
    found = resumable(run, at_most)
    if checkpoint is None or not found or found[-1].path == checkpoint:
        return None
    return (
        f"The checkpoint of step {found[-1].step} is damaged: the run went on from "
        f"the one before, of step {checkpoint_step(checkpoint)}."
    )


def go_back(run: Run, step: int, heartbeat: Heartbeat) -> None:
    """Delete the checkpoints of later steps, which the run takes again.

    Args:
        run: The run; what it measured is cut by whoever records it.
        step: The step that it goes on from.
        heartbeat: Its losses become those of that step.
    """
    for path in (run.path / "checkpoints").iterdir():
        saved = checkpoint_step(path)
        if saved is not None and saved > step:
            remove_directory(path)
    losses = [
        record["loss"]
        for record in run.metrics().records
        if record.get("kind") == "evaluation" and record["step"] <= step
    ]
    known = [loss for loss in losses if loss is not None]
    heartbeat.update(
        train_loss=None,
        validation_loss=losses[-1] if losses else None,
        best_loss=min(known, default=None),
    )
