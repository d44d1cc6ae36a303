"""When a run learned to copy, read off its own journal.

A run on `repeats` records at intervals the loss on the first and on the second
occurrence of words, and the induction scores of its heads (see
`minigpt.interpret.heads.repetition`). For a long time nothing happens; then, within a
few dozen steps, the loss on second occurrences falls and the scores rise.

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
"""The two habits that copying needs: mark each token with the one before, and match."""

Moments = Float[np.ndarray, " moment"]


@dataclass(frozen=True)
class CopyingCurve:
    """What a run recorded about repeated words, measurement by measurement."""

    steps: Int[np.ndarray, " moment"]
    first_loss: Moments
    """Loss on the first occurrence of words, in nats per token."""
    second_loss: Moments
    """Loss on their second occurrence, in nats per token."""
    induction: Moments
    """The highest induction score of any head, from 0 to 1."""
    previous_token: Moments
    """The highest previous-token score of any head, from 0 to 1."""

    @property
    def loss_step(self) -> int | None:
        """The step at which `second_loss` has fallen halfway; None if it never did."""
        if not self.second_loss[-1] < 0.5 * self.second_loss[0]:
            return None
        return self._passes(-self.second_loss, 0.5)

    @property
    def score_step(self) -> int | None:
        """The step at which `induction` has risen halfway; None if it never did."""
        if not self.induction[-1] > 0.4:
            return None
        return self._passes(self.induction, 0.5)

    @property
    def change(self) -> tuple[int, int]:
        """The steps between which the induction score rose from 10% to 90%."""
        return self._passes(self.induction, 0.1), self._passes(self.induction, 0.9)

    @property
    def first_loss_shift(self) -> float:
        """The largest change of `first_loss` from its initial value, in nats."""
        away = self.first_loss - self.first_loss[0]
        return float(away[np.abs(away).argmax()])

    def film(self, count: int) -> list[int]:
        """Choose steps to show: the first, the last, and some during the rise.

        Args:
            count: How many, three or more; fewer are returned if two coincide.
        """
        shares = np.linspace(0.25, 0.75, count - 2)
        rise = [self._passes(self.induction, share) for share in shares]
        return sorted({int(self.steps[0]), *rise, int(self.steps[-1])})

    def _passes(self, values: Moments, share: float) -> int:
        """Return the first step at which a share of the whole change has happened."""
        start, end = values[0], values[-1]
        behind = values - start >= share * (end - start)
        return int(self.steps[int(behind.argmax())])


def repetition_record(step: int, read: Repetition) -> dict[str, Any]:
    """Return the journal record that `read_copying` reads."""
    return {
        "kind": "repetition",
        "step": step,
        "first_loss": read.first_loss,
        "second_loss": read.second_loss,
        "induction": read.induction,
        "previous_token": read.previous_token,
    }


def read_copying(records: Iterable[Mapping[str, Any]]) -> CopyingCurve | None:
    """Collect the records of a journal about copying; None if it has none.

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
    """One head at several steps of a run, on the run's probe text."""

    layer: int
    head: int
    steps: list[int]
    patterns: list[UInt8[np.ndarray, "q_pos k_pos"]]
    """255 stands for an attention weight of 1."""
    scores: list[float]
    """Score of the habit that the head was chosen for, from 0 to 1."""


def film_of_strongest(snapshots: Snapshots, steps: Sequence[int], habit: str) -> Film:
    """Follow the head whose score for a habit is highest at the last of some steps.

    Args:
        snapshots: A run's.
        steps: Some of its steps, in order.
        habit: One of `COPYING_HABITS`.

    Raises:
        RunError: If a step has no snapshot.
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
    """Store the step at which a person predicts that the run's loss will fall.

    Raises:
        RunError: If the step is not one of the run's.
    """
    last = run.config.train.max_steps
    if step < 1 or (last is not None and step > last):
        raise RunError(f"A guess must be a step from 1 to {last}; {step} is not.")
    replace_file(run.path / "guess.json", json.dumps({"step": step}) + "\n")


def kept_guess(run: Run) -> int | None:
    """Return the step that was predicted before the run, if any."""
    try:
        content = (run.path / "guess.json").read_text(encoding="utf-8")
        return int(json.loads(content)["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _column(moments: Sequence[Mapping[str, Any]], name: str) -> Moments:
    return np.array([moment[name] for moment in moments], dtype=np.float64)
