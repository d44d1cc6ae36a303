"""When a run learned to copy, read off its own journal.

A run on `repeats` notes now and then what words cost that are said for the first time
and for the second, and how strongly its heads read what an induction head reads (see
`minigpt.interpret.heads.repetition`). For long nothing happens; then, within some dozen
steps, the loss of the second time falls and the heads' scores rise.

Source: Olsson et al. 2022, arXiv:2209.11895, on the "phase change".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from minigpt.atomic_writes import replace_file
from minigpt.errors import RunError
from minigpt.interpret.heads.repetition import Repetition
from minigpt.runs.snapshots import Snapshots
from minigpt.runs.store import Run

COPYING_HABITS = ("previous_token", "induction")
"""The two that copying takes: to know what stood before, and to look for it."""

Moments = Float[np.ndarray, " moment"]


@dataclass(frozen=True)
class CopyingCurve:
    """What a run noted about words that are said twice, moment by moment."""

    steps: Int[np.ndarray, " moment"]
    first_loss: Moments
    """What words cost when they are said for the first time, in nats per token."""
    second_loss: Moments
    """What they cost the second time."""
    induction: Moments
    """The highest induction score of any head, from 0 to 1."""
    previous_token: Moments
    """The highest previous-token score of any head, from 0 to 1."""

    @property
    def loss_step(self) -> int | None:
        """Where the second loss has fallen half its way; None if it fell by little."""
        if not self.second_loss[-1] < 0.5 * self.second_loss[0]:
            return None
        return self._passes(-self.second_loss, 0.5)

    @property
    def score_step(self) -> int | None:
        """Where the induction score has risen half its way; None if it never rose."""
        if not self.induction[-1] > 0.4:
            return None
        return self._passes(self.induction, 0.5)

    @property
    def change(self) -> tuple[int, int]:
        """The steps between which the induction score rose from 10% to 90%."""
        return self._passes(self.induction, 0.1), self._passes(self.induction, 0.9)

    @property
    def first_loss_shift(self) -> float:
        """How far the first loss went from where it began, at its farthest, in nats."""
        away = self.first_loss - self.first_loss[0]
        return float(away[np.abs(away).argmax()])

    def film(self, count: int) -> list[int]:
        """Choose moments to look at: the first, the last, and the rise between.

        Args:
            count: How many steps, three or more; fewer if two would be the same.
        """
        shares = np.linspace(0.25, 0.75, count - 2)
        rise = [self._passes(self.induction, share) for share in shares]
        return sorted({int(self.steps[0]), *rise, int(self.steps[-1])})

    def _passes(self, values: Moments, share: float) -> int:
        """Return the first step at which a share of the whole way is behind."""
        start, end = values[0], values[-1]
        behind = values - start >= share * (end - start)
        return int(self.steps[int(behind.argmax())])


def repetition_record(step: int, read: Repetition) -> dict[str, Any]:
    """Return the line of a journal that `copying` reads."""
    return {
        "kind": "repetition",
        "step": step,
        "first_loss": read.first_loss,
        "second_loss": read.second_loss,
        "induction": read.induction,
        "previous_token": read.previous_token,
    }


def read_copying(records: Iterable[Mapping[str, Any]]) -> CopyingCurve | None:
    """Collect what a journal says about copying; None if it says nothing.

    Args:
        records: What `Run.metrics` gives.
    """
    noted = {r["step"]: r for r in records if r.get("kind") == "repetition"}
    if not noted:
        return None
    moments = [noted[step] for step in sorted(noted)]
    return CopyingCurve(
        steps=np.array(sorted(noted)),
        first_loss=_column(moments, "first_loss"),
        second_loss=_column(moments, "second_loss"),
        induction=_column(moments, "induction"),
        previous_token=_column(moments, "previous_token"),
    )


@dataclass(frozen=True)
class Film:
    """One head at some moments of a run, on the run's probe text."""

    layer: int
    head: int
    steps: list[int]
    patterns: list[UInt8[np.ndarray, "q_pos k_pos"]]
    """255 is a weight of 1."""
    scores: list[float]
    """Of the habit that the head was chosen for, from 0 to 1."""


def film_of_strongest(snapshots: Snapshots, steps: Sequence[int], habit: str) -> Film:
    """Follow the head that at the last of some steps has the most of a habit.

    Args:
        snapshots: A run's.
        steps: Some of its steps, in order.
        habit: One of `COPYING_HABITS`.

    Raises:
        RunError: If there is no snapshot of a step.
    """
    taken = [snapshots.load(step) for step in steps]
    scores = [getattr(each.scores, habit) for each in taken]
    layer, head = np.unravel_index(np.nanargmax(scores[-1]), scores[-1].shape)
    return Film(
        layer=int(layer),
        head=int(head),
        steps=list(steps),
        patterns=[each.patterns[layer, head] for each in taken],
        scores=[float(each[layer, head]) for each in scores],
    )


def keep_guess(run: Run, step: int) -> None:
    """Keep beside a run at which step somebody thinks that its loss will fall.

    Raises:
        RunError: If the step is not one of the run's.
    """
    last = run.config.train.max_steps
    if step < 1 or (last is not None and step > last):
        raise RunError(f"A guess must lie between step 1 and {last}, and {step} not.")
    replace_file(run.path / "guess.json", json.dumps({"step": step}) + "\n")


def kept_guess(run: Run) -> int | None:
    """Return the step that was guessed before the run, if one was."""
    try:
        content = (run.path / "guess.json").read_text(encoding="utf-8")
        return int(json.loads(content)["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _column(moments: Sequence[Mapping[str, Any]], name: str) -> Moments:
    return np.array([moment[name] for moment in moments], dtype=np.float64)
