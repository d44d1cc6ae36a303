"""Experiment trackers: `metrics.jsonl` for TensorBoard and Weights & Biases.

Both are optional. They read the run's own journal, as the page does, and forward every
number in it, so they always agree with it. A resumed run continues its series.

    tensorboard --logdir data/runs      the runs that were started with --tensorboard
    wandb sync data/runs/<id>/wandb/…   what was written with WANDB_MODE=offline
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from minigpt.errors import ConfigError, RunError
from minigpt.runs.files import read_journal
from minigpt.runs.store import Run
from minigpt.training.callbacks import StepRecord, TrainerCallback

_GROUPS = {"step": "train", "evaluation": "validation"}
_STEPS_BETWEEN = 10
"""Steps between two reads of the journal."""


class Tracker(Protocol):
    """A service that keeps series of numbers."""

    def restart(self, step: int) -> None:
        """Drop what was logged for steps beyond `step`: they will be repeated."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log some numbers of one step."""

    def close(self) -> None:
        """Flush and close."""


def series(record: Mapping[str, Any]) -> dict[str, float]:
    """Name the numbers of one line of the journal.

    >>> series({"kind": "evaluation", "step": 8, "loss": 2.5, "complete": True})
    {'validation_complete/loss': 2.5}

    Evaluations on a part of the held-out text and on all of it are two series.
    """
    kind = str(record["kind"])
    group = _GROUPS.get(kind, kind) + ("_complete" if record.get("complete") else "")
    return {
        f"{group}/{name}": value
        for name, value in record.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and name != "step"
    }


class TensorBoard:
    """Writes event files into the run's directory, in `tensorboard/`.

    Raises:
        ConfigError: If the package is not installed.
    """

    def __init__(self, run: Run) -> None:
        _require("tensorboard", "--tensorboard")
        self._module = import_module("torch.utils.tensorboard")
        self._folder = run.path / "tensorboard"
        self._writer = self._module.SummaryWriter(self._folder)

    def restart(self, step: int) -> None:
        """Start a file that makes readers drop later steps of earlier files."""
        self._writer.close()
        self._writer = self._module.SummaryWriter(self._folder, purge_step=step + 1)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point of each series."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WeightsAndBiases:
    """Logs to a Weights & Biases project, or, offline, to files for a later `sync`.

    Args:
        run: The run; its configuration is logged, too.
        project: The project's name.

    Raises:
        ConfigError: If the package is not installed.
        RunError: If W&B refuses: not logged in, or no network.
    """

    def __init__(self, run: Run, project: str) -> None:
        wandb = _require("wandb", "--wandb_project")
        # Only the numbers: no console output, no code, no machine statistics.
        settings = wandb.Settings(
            console="off", disable_git=True, save_code=False, x_disable_stats=True
        )
        try:
            self._run = wandb.init(
                project=project,
                id=_identity(run.path / "wandb_id"),
                name=run.id,
                dir=str(run.path),
                config=run.config.to_dict(),
                resume="allow",
                settings=settings,
            )
        except wandb.Error as error:
            raise RunError(
                f"Weights & Biases cannot be reached: {error}. Run `wandb login`, set "
                "WANDB_MODE=offline, or leave --wandb_project out."
            ) from None

    def restart(self, step: int) -> None:
        """Do nothing: W&B keeps what it has, and repeated steps give equal numbers."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log one point of each series."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until everything is sent, or written."""
        self._run.finish()


class Tracking(TrainerCallback):
    """Follows a run's journal while it is written, and forwards each record.

    Args:
        run: The run.
        trackers: Where to.
    """

    def __init__(self, run: Run, trackers: list[Tracker]) -> None:
        self._journal, self._trackers = run.path / "metrics.jsonl", trackers
        # The existing records were forwarded earlier.
        there = self._journal.is_file()
        self._offset = self._journal.stat().st_size if there else 0

    def on_step(self, record: StepRecord) -> None:
        """Catch up every few steps."""
        if record.step % _STEPS_BETWEEN == 0:
            self.catch_up()

    def catch_up(self) -> None:
        """Forward the new records."""
        records, self._offset, restart = read_journal(self._journal, self._offset)
        for tracker in self._trackers:
            if restart is not None:
                tracker.restart(restart)
            for record in records:
                tracker.log(int(record["step"]), series(record))


@contextmanager
def tracked(run: Run) -> Iterator[list[TrainerCallback]]:
    """Open the trackers of a run, and close them however the run ends.

    Raises:
        ConfigError: If a package is not installed.
        RunError: If a tracker cannot be reached.
    """
    train, trackers = run.config.train, list[Tracker]()
    if train.tensorboard:
        trackers.append(TensorBoard(run))
    if train.wandb_project is not None:
        trackers.append(WeightsAndBiases(run, train.wandb_project))
    if not trackers:
        yield []
        return
    tracking = Tracking(run, trackers)
    try:
        yield [tracking]
    finally:
        tracking.catch_up()
        for tracker in trackers:
            tracker.close()


def _require(package: str, option: str) -> ModuleType:
    try:
        return import_module(package)
    except ImportError:
        raise ConfigError(
            f"{option} needs the package {package}, which is not installed: run "
            '`pip install "minigpt[track]"`, or leave the option out.'
        ) from None


def _identity(path: Path) -> str:
    """Return the run's id at W&B, which stays the same when the run is resumed."""
    if not path.is_file():
        path.write_text(secrets.token_hex(8), encoding="utf-8")
    return path.read_text(encoding="utf-8")
