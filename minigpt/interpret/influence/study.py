"""Which windows built one head, from the run to the proof.

1. The run is trained again until the head has formed: until its score is halfway from
   its first to its last value.
2. The score at that step is followed back to every token that was learned until then.
3. The run is trained again without the windows that helped most, and without as many
   drawn at random from the same steps. All else is the same, bit for bit: what differs
   is those windows' doing.

Each part is a generator that says how far it is, so that a page can show it, stop it,
and let it go on.

Before: `backwards`, `growth`. Next: the Head explorer, and `benchmarks/influence.py`.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.influence.backwards import trace_back
from minigpt.interpret.influence.copies import drift
from minigpt.interpret.influence.findings import Found, Proof
from minigpt.interpret.influence.growth import Growth
from minigpt.interpret.influence.habit import HeadHabit, Weights
from minigpt.interpret.influence.pure_step import PureStep, State
from minigpt.interpret.influence.rerun import (
    Rerun,
    Window,
    batch_of,
    prepare_again,
    training_of,
)
from minigpt.interpret.influence.rises import LEAST_RISE
from minigpt.machine_memory import memory_of
from minigpt.model import TransformerLM
from minigpt.preparation.prepared import Prepared

LARGEST_PART = 0.1
"""Of the windows that were read until the head formed: no more are taken out. Of a
training without half of its text, any head forms later."""

BEGINS_ALIKE = 0.01
"""Weights before the first step that differ by more are other weights; those that were
kept with 16 bits differ by 0.0003."""

LONGER = 2
"""The trainings of the proof are watched until so many times the step at which the head
formed."""


class Progress(NamedTuple):
    """How far a part is."""

    words: str
    """What goes on: `Training the run again`."""
    done: int
    total: int
    """Steps."""
    ends_earlier: bool = False
    """Whether `total` is no more than a limit: this ends when the head has formed."""


class Study:
    """One head of one run.

    Args:
        checkpoint: The last of the run, which says how it was trained.
        habit: The head, and what is measured of it.
        copies: Where the run's checkpoints lie, by step: of them at least the last.

    Raises:
        DataError: If the training cannot be repeated.
    """

    def __init__(
        self, checkpoint: Checkpoint, habit: HeadHabit, copies: Mapping[int, Path]
    ) -> None:
        model = checkpoint.model
        self._config = training_of(checkpoint)
        assert isinstance(model, TransformerLM)
        weights: Weights = dict(model.named_parameters())
        self._final = habit.score(model, weights).item()
        self._text: str = checkpoint.metadata.provenance["text_sha256"]
        self.habit, self._copies = habit, copies
        self.found: Found | None = None
        self.proofs: dict[int, Proof] = {}
        """By the number of windows removed."""

    def find(self) -> Iterator[Progress]:
        """Trace the head back to the windows, part by part; then `found` is known.

        Raises:
            DataError: If the text is gone, the head did not grow in this run, or memory
                is too small.
        """
        yield Progress("Reading the text again", 0, 1)
        self.prepared = self._read_text()
        self.total = self.prepared.total_steps
        self._original, self._growth = rerun, growth = Rerun(self.prepared), Growth()
        self._drift: dict[int, float] = {}
        config = self.prepared.config.train
        pure = PureStep(rerun.model, config, rerun.optimizer, self.total)
        growth.measure(self.habit, rerun)
        level, kept = self._level(), dict[int, State]()
        yield from self._train(pure, kept, level)
        sampler, formed = self.prepared.source.sampler, rerun.step
        influence = np.zeros((formed, *batch_of(sampler, 0)[1].shape), np.float32)
        for step, labels in trace_back(self.habit, pure, sampler, kept, formed):
            influence[step] = labels
            yield Progress("Following its score back", formed - step, formed)
        self.found = Found(influence, formed, level, growth, self._drift)

    def _train(
        self, pure: PureStep, kept: dict[int, State], level: float
    ) -> Iterator[Progress]:
        """Train until the head has formed, and keep the states of some steps."""
        rerun, growth = self._original, self._growth
        spacing = self._spacing(pure.state_of(rerun.optimizer))
        while growth.formed(level) is None:
            self._compare()
            if rerun.step == self.total:
                raise DataError(
                    f"Trained again, the head's score came to {growth.scores[-1]:.2f}, "
                    f"not to the {level:.2f} that is halfway: this machine does not "
                    "repeat the run."
                )
            if rerun.step % spacing == 0:
                kept[rerun.step] = pure.state_of(rerun.optimizer)
            growth.follow(self.habit, rerun)
            yield Progress("Training the run again", rerun.step, self.total, True)
        self._compare()

    def prove(self, count: int, seed: int = 0) -> Iterator[Progress]:
        """Train twice more, part by part; then `proofs[count]` is known.

        Args:
            count: How many windows to take out.
            seed: Draws the random ones.
        """
        found = self.known()
        ranked, rng = found.ranked, np.random.default_rng(seed)
        drawn = rng.choice(len(ranked), count, replace=False).tolist()
        top, others = ranked[:count], [ranked[place] for place in drawn]
        trainings = [(self._original, self._growth)]
        for removed in (top, others):
            trainings.append((Rerun(self.prepared, set(removed)), Growth()))
        last = min(self.total, LONGER * found.formed)
        total, done = sum(last - rerun.step for rerun, _ in trainings), 0
        for rerun, growth in trainings:
            if not growth.steps:
                growth.measure(self.habit, rerun)
            while rerun.step < last:
                growth.follow(self.habit, rerun)
                done += 1
                yield Progress("Training without them", done, total)
        growths = [growth.until(last) for _, growth in trainings]
        self.proofs[count] = Proof(count, found.level, last, *growths)

    def count_of(self, share: float) -> int:
        """Return how many windows a share of all that the run reads is.

        At least 1, and at most `LARGEST_PART` of those read until the head formed.
        """
        windows = self.known().windows.size
        wanted = round(share * self.total * self.prepared.config.train.batch_size)
        return max(1, min(wanted, int(LARGEST_PART * windows)))

    def tokens_of(self, window: Window) -> list[int]:
        """Return the ids of a window, its last label included."""
        inputs, labels = batch_of(self.prepared.source.sampler, window.step)
        row: list[int] = inputs[window.row].tolist()
        return [*row, int(labels[window.row, -1])]

    def known(self) -> Found:
        """Return what `find` found."""
        if self.found is None:
            raise RuntimeError("Study.find must come to its end before.")
        return self.found

    def _read_text(self) -> Prepared:
        """Read the run's text, and make its model as it was before the first step."""
        prepared = prepare_again(self._config, self._copies[max(self._copies)])
        if prepared.text_sha256 != self._text:
            raise DataError(
                f"{self._config.data.source} has changed since the run learned from "
                "it: restore the text, to train on it again."
            )
        return prepared

    def _level(self) -> float:
        """Return the score halfway from the untrained head's to the last one."""
        first = self._growth.scores[0]
        if self._final - first < LEAST_RISE:
            raise DataError(
                f"This head's score went from {first:.2f} to {self._final:.2f} in "
                "the whole run: by this habit it did not grow. Choose another head, "
                "or another habit."
            )
        return (first + self._final) / 2

    def _compare(self) -> None:
        """Compare the weights with the run's own copy of this step, if it kept one.

        Raises:
            DataError: If the very first weights are others.
        """
        step = self._original.step
        if step not in self._copies:
            return
        self._drift[step] = drift(self._original.model, self._copies[step])
        if step == 0 and self._drift[step] > BEGINS_ALIKE:
            raise DataError(
                "This run began with other weights than this version of minigpt "
                "draws from its seed: it cannot be repeated. Train it anew."
            )

    def _spacing(self, state: State) -> int:
        """Return how many steps apart states are kept, to hold the fewest at once."""
        spacing = math.isqrt(self.total - 1) + 1
        held = spacing + self.total // spacing
        needed = held * sum(each.nbytes for each in state.tensors())
        if needed > memory_of().free / 2:
            raise DataError(
                f"Following this run back needs {needed / 1e9:.1f} GB of memory: "
                "choose a smaller or a shorter run."
            )
        return spacing


def influence_of_windows(
    checkpoint: Checkpoint, habit: HeadHabit, copies: Mapping[int, Path]
) -> Float[np.ndarray, "step row"]:
    """Return what each window of a training did for a head: all of `Study.find`.

    Arguments and errors: see `Study`.

    Returns:
        By how much the score at the step at which the head formed would rise if a
        window counted twice, at the slope at which it begins to.
    """
    return _found(checkpoint, habit, copies).known().windows


def proof_of(
    checkpoint: Checkpoint, habit: HeadHabit, copies: Mapping[int, Path], count: int
) -> Proof:
    """Return what becomes of a head without some windows: all of `Study.prove`.

    Args:
        checkpoint: See `Study`, also for the errors.
        habit: The same.
        copies: The same.
        count: How many windows to take out.
    """
    study = _found(checkpoint, habit, copies)
    for _ in study.prove(count):
        pass
    return study.proofs[count]


def _found(
    checkpoint: Checkpoint, habit: HeadHabit, copies: Mapping[int, Path]
) -> Study:
    study = Study(checkpoint, habit, copies)
    for _ in study.find():
        pass
    return study
