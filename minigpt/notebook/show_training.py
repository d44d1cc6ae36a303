"""A run in training, or one that was: its losses, and its heads as they form."""

from html import escape
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.errors import DataError, MinigptError, RunError
from minigpt.notebook import pictures
from minigpt.notebook.inputs import require_inside
from minigpt.notebook.packing import score_bars, thumbnails
from minigpt.notebook.widget import Figure
from minigpt.runs.curves import run_curve
from minigpt.runs.finding import find_run
from minigpt.runs.snapshots import Snapshot
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run

_EVERY = 0.5
"""Seconds between two looks of `wait`."""


class Training(Figure):
    """Loss curves, and every head's pattern on a fixed text at any snapshot so far.

    `step` and `head` are what is chosen, by the reader or by Python. While the run goes
    on, the picture asks for news every two seconds, as long as it is on the screen;
    `refresh` asks at once, and `wait` until the run has ended.
    """

    figure = "training"
    mounted = ("head_grid",)

    step = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The chosen snapshot's step; None follows the newest."""
    head = traitlets.Tuple(
        traitlets.Int(), traitlets.Int(), default_value=None, allow_none=True
    ).tag(sync=True)
    """The chosen layer and head, or None."""
    now = traitlets.Dict(read_only=True).tag(sync=True)
    """How the run is doing, in words, and whether it goes on."""
    curve = traitlets.Unicode(read_only=True).tag(sync=True)
    """The losses as an SVG, as the run itself leaves it; empty before the first."""
    steps = traitlets.List(traitlets.Int(), read_only=True).tag(sync=True)
    """Steps that have a snapshot; none in a model without heads."""
    grid = traitlets.Dict(read_only=True).tag(sync=True)
    """The snapshot's heads, for the app's view `head_grid`."""
    looks = traitlets.Int(read_only=True).tag(sync=True)
    """How often the run was looked at."""

    def __init__(self, run: Run) -> None:
        self.run, self.status = run, run.status()
        self.records: list[dict[str, Any]] = []
        """All that was measured, as in the run's `metrics.jsonl`."""
        self.snapshot: Snapshot | None = None
        """The heads at the step that is shown."""
        self._offset = 0
        super().__init__()
        self.refresh()
        self.on_msg(self._hear)

    @property
    def losses(self) -> dict[int, float]:
        """The training loss of each logged step, in nats per token."""
        steps = (each for each in self.records if each.get("kind") == "step")
        return {each["step"]: each["loss"] for each in steps}

    @property
    def pattern(self) -> npt.NDArray[np.float32] | None:
        """The chosen head's weights at the step that is shown, [q_pos k_pos]."""
        if self.snapshot is None or self.head is None:
            return None
        return _weights(self.snapshot)[self.head]

    def refresh(self) -> None:
        """Look at the run again.

        Raises:
            RunError: If it is gone or damaged.
        """
        self.status = self.run.status()
        chunk = self.run.metrics(self._offset)
        if chunk.restart is not None:
            self.records = [r for r in self.records if r["step"] <= chunk.restart]
        self.records += chunk.records
        self._offset = chunk.offset
        steps = self.run.snapshots().steps
        with self.hold_sync():
            self.set_trait("now", _words(self.run, self.status))
            drawn = run_curve(self.run, self.status, self.records)
            self.set_trait("curve", drawn if self.records else "")
            self.set_trait("steps", steps)
            if self.step not in steps:  # A resumed run repeats the steps after it.
                self.step = None
            self._show()
            self.set_trait("looks", self.looks + 1)

    def wait(self, timeout: float | None = None) -> None:
        """Look at the run again and again until it has ended.

        Args:
            timeout: How long at most, in seconds; None: as long as it takes.

        Raises:
            RunError: If it is gone or damaged.
        """
        deadline = None if timeout is None else monotonic() + timeout
        self.refresh()
        while self.status.is_alive and (deadline is None or monotonic() < deadline):
            sleep(_EVERY)
            self.refresh()

    def load(self) -> Checkpoint:
        """Return the model as it was saved nearest to the step that is shown.

        Raises:
            RunError: If none is saved yet.
        """
        saved = self.run.to_look_at()
        if not saved:
            raise RunError(f"The run {self.run.id!r} has not saved a model yet.")
        if self.step is None and not self.status.is_alive and self.run.best:
            return load_checkpoint(self.run.best)
        step = self.status.step if self.snapshot is None else self.snapshot.step
        return load_checkpoint(min(saved, key=lambda each: abs(each.step - step)).path)

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int | None:
        step = proposal["value"]
        if step is None or step in self.steps:
            return None if step is None else int(step)
        known = ", ".join(str(each) for each in self.steps) or "none yet"
        raise DataError(f"There is no snapshot of step {step}: there are {known}.")

    @traitlets.validate("head")
    def _check_head(self, proposal: Any) -> tuple[int, int] | None:
        if proposal["value"] is None:
            return None
        shape = (0, 0) if self.snapshot is None else self.snapshot.patterns.shape
        if not any(shape):
            raise DataError("This run has no snapshot of a head to choose.")
        return require_inside("head", proposal["value"], shape)

    @traitlets.observe("step")
    def _show(self, _: Any = None) -> None:
        """Load the snapshot to show, unless it is shown already."""
        if not self.steps:
            self.snapshot = None
            self.set_trait("grid", {})
            return
        step = self.steps[-1] if self.step is None else self.step
        if self.snapshot is not None and self.grid.get("step") == step:
            return
        self.snapshot = self.run.snapshots().load(step)
        scores, patterns = self.snapshot.scores.previous_token, _weights(self.snapshot)
        bars = score_bars(patterns.shape[:2], scores, "previous token")
        self.set_trait("grid", thumbnails(patterns) | bars | {"step": step})

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """Answer the picture, which asks for news while the run goes on."""
        if content != {"ask": "news"}:
            return
        try:
            self.refresh()
        except MinigptError as error:  # Deleted meanwhile: say so, and ask no more.
            self.set_trait("now", {"words": str(error), "alive": False})

    def summary(self) -> str:
        """Say in one line what is shown."""
        return str(self.now["words"])

    def picture(self) -> str:
        """Draw the losses, and the heads of the chosen step, without a script."""
        parts = [f"<p>{escape(self.summary())}</p>", self.curve]
        if self.snapshot is not None:
            patterns, pieces = _weights(self.snapshot), self.run.snapshots().pieces
            parts.append(f"<p>Heads after step {self.snapshot.step:,}</p>")
            parts.append(pictures.heads(patterns, pieces, self.head or (0, 0)))
        return f"<div>{''.join(parts)}</div>"


def training(run: Run | Path | str) -> Training:
    """Show how a run learns, or learned: its losses, and its heads as they form.

    A slider goes from snapshot to snapshot; a click chooses a head. The run may be one
    that another process trains.

    Args:
        run: A run, its directory, or its name.

    Raises:
        RunError: If there is none.
    """
    return Training(run if isinstance(run, Run) else find_run(str(run)))


def _weights(snapshot: Snapshot) -> npt.NDArray[np.float32]:
    """Return the patterns as weights 0–1, [layer head q_pos k_pos]."""
    return np.divide(snapshot.patterns, 255, dtype=np.float32)


def _words(run: Run, status: RunStatus) -> dict[str, Any]:
    total = f" of {status.total_steps:,}" if status.total_steps else ""
    words = f"{run.id} is {status.state}, at step {status.step:,}{total}"
    for name in ("train", "validation"):
        loss = getattr(status, f"{name}_loss")
        if loss is not None:
            word = "training" if name == "train" else name
            words += f"; {word} loss {loss:.3f} nats"
    error = f" {status.error}" if status.error else ""
    return {"words": f"{words}.{error}", "alive": status.is_alive}
