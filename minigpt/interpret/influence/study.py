"""Which windows built one head, from the run to the proof.

1. The run is trained again until the head has come: until its score is halfway from its
   first to its last value.
2. The score at that step is followed back to every window that was read until then.
3. The run is trained again without the windows that helped most, and without as many
   drawn at random from the same steps. All else is the same, bit for bit: what differs
   is those windows' doing.

Each part is a generator that says how far it is, so that a page can show it, stop it,
and let it go on.

Before: `backwards`, `growth`. Next: the Head explorer, and `benchmarks/influence.py`.
"""

import math
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from minigpt.config import RunConfig
from minigpt.errors import DataError
from minigpt.interpret.influence.backwards import trace_back
from minigpt.interpret.influence.growth import Growth, halfway
from minigpt.interpret.influence.habit import HeadHabit
from minigpt.interpret.influence.pure_step import PureStep, State
from minigpt.interpret.influence.rerun import Rerun, Window, batch_of, prepare_again
from minigpt.machine_memory import memory_of

MEASUREMENTS = 125
"""Of the score, over a whole run: more would only cost time."""

LEAST_RISE = 0.1
"""A head whose score rises less has no step at which it came."""

LARGEST_PART = 0.1
"""Of the windows that were read until the head came: no more are taken out. Of a
training without half of its text, any head comes later."""

LONGER = 2
"""The runs of the proof are watched for so many times the steps until the head came."""


class Progress(NamedTuple):
    """How far a part is."""

    words: str
    """What goes on: `Training the run again`."""
    done: int
    total: int
    """Steps, at most: the first part ends when the head has come."""


@dataclass(frozen=True)
class Found:
    """What each window did for a head."""

    influence: Float[np.ndarray, "step row"]
    """By how much the score at step `came` would rise if a window counted twice, at the
    slope at which it begins to; of the windows read until then."""
    came: int
    """Steps after which the head had come."""
    level: float
    """The score that means so."""
    growth: Growth
    """Of the original, until then."""

    @property
    def ranked(self) -> list[Window]:
        """Return all windows, the most helpful first."""
        order = np.argsort(-self.influence, axis=None, kind="stable")
        steps, rows = np.unravel_index(order, self.influence.shape)
        return [Window(*each) for each in zip(steps.tolist(), rows.tolist())]  # noqa: B905

    def of(self, window: Window) -> float:
        """Return one window's influence."""
        return float(self.influence[window])


@dataclass(frozen=True)
class Proof:
    """The same training three times."""

    removed: int
    """Windows that were taken out, each time."""
    original: Growth
    without_top: Growth
    without_random: Growth
    level: float

    @property
    def last(self) -> int:
        """The step until which all three were watched."""
        return self.original.steps[-1]

    def later(self, growth: Growth) -> float | None:
        """Return by what share of its steps a head came later than in the original.

        None: it had not come when the run was no longer watched.
        """
        came, first = growth.came(self.level), self.original.came(self.level)
        return None if came is None or not first else came / first - 1


class Study:
    """One head of one run.

    Args:
        config: Everything that determines the run.
        habit: The head, and what is measured of it.
        final: Its score at the end of the run.
        text: Hash of the text that the run learned from; None: not known.
    """

    def __init__(
        self, config: RunConfig, habit: HeadHabit, final: float, text: str | None = None
    ) -> None:
        self.habit, self._final = habit, final
        self.prepared = prepare_again(config)
        if text is not None and self.prepared.text_sha256 != text:
            raise DataError(
                f"{config.data.source} has changed since the run learned from it: "
                "restore the text to train on it again."
            )
        self.total = self.prepared.total_steps
        self.every = -(-self.total // MEASUREMENTS)
        """Steps between two measurements of the score."""
        self.found: Found | None = None
        self.proofs: dict[int, Proof] = {}
        """By the number of windows removed."""
        self._original = Rerun(self.prepared)
        self._growth = Growth()

    def find(self) -> Iterator[Progress]:
        """Trace the head back to the windows, part by part; then `found` is known.

        Raises:
            DataError: If the head did not grow in this run, or memory is too small.
        """
        rerun = self._original
        config = self.prepared.config.train
        pure = PureStep(rerun.model, config, rerun.optimizer, self.total)
        kept: dict[int, State] = {}
        spacing = self._spacing(pure.state_of(rerun.optimizer))
        level = self._level()
        while (came := self._growth.came(level)) is None:
            if rerun.step == self.total:
                raise DataError(
                    f"Trained again, the head came to {self._growth.scores[-1]:.2f}, "
                    f"not to the {level:.2f} that is halfway: this machine does not "
                    "repeat the run."
                )
            if rerun.step % spacing == 0:
                kept[rerun.step] = pure.state_of(rerun.optimizer)
            self._go_on(rerun, self._growth)
            yield Progress("Training the run again", rerun.step, self.total)
        influence = np.zeros((came, config.batch_size))
        sampler = self.prepared.source.sampler
        for step, windows in trace_back(self.habit, pure, sampler, kept, came):
            influence[step] = windows
            yield Progress("Following the score back", came - step, came)
        self.found = Found(influence, came, level, self._growth)

    def prove(self, count: int, seed: int = 0) -> Iterator[Progress]:
        """Train twice more, part by part; then `proofs[count]` is known.

        Args:
            count: How many windows to take out.
            seed: Draws the random ones.
        """
        assert self.found is not None
        ranked, rng = self.found.ranked, np.random.default_rng(seed)
        chosen = rng.choice(len(ranked), count, replace=False)
        removed: list[Set[Window]] = [
            set(ranked[:count]),
            {ranked[place] for place in chosen},
        ]
        last = min(self.total, LONGER * self.found.came)
        trainings = [(self._original, self._growth)]
        trainings += [(Rerun(self.prepared, without), Growth()) for without in removed]
        total = sum(last - rerun.step for rerun, _ in trainings)
        done = 0
        for rerun, growth in trainings:
            if not growth.steps:
                growth.measure(self.habit, rerun)
            while rerun.step < last:
                self._go_on(rerun, growth)
                done += 1
                yield Progress("Training without them", done, total)
        original, top, others = (growth for _, growth in trainings)
        self.proofs[count] = Proof(count, original, top, others, self.found.level)

    def count_of(self, share: float) -> int:
        """Return how many windows a share of all that the run reads is.

        At least 1, and at most `LARGEST_PART` of those read until the head came.
        """
        assert self.found is not None
        read = self.found.influence.size
        wanted = round(share * self.total * self.prepared.config.train.batch_size)
        return max(1, min(wanted, int(LARGEST_PART * read)))

    def tokens_of(self, window: Window) -> list[int]:
        """Return the ids of a window, its last label included."""
        inputs, labels = batch_of(self.prepared.source.sampler, window.step)
        row: list[int] = inputs[window.row].tolist()
        return [*row, int(labels[window.row, -1])]

    def _level(self) -> float:
        """Return the score halfway from the untrained head's to the last one."""
        if not self._growth.steps:
            self._growth.measure(self.habit, self._original)
        first = self._growth.scores[0]
        if self._final - first < LEAST_RISE:
            raise DataError(
                f"This head's score went from {first:.2f} to {self._final:.2f} in "
                "the whole run: it did not grow by this habit. Choose another head, "
                "or another habit."
            )
        return halfway([first, self._final])

    def _go_on(self, rerun: Rerun, growth: Growth) -> None:
        """Take a step, and measure if it is time."""
        rerun.advance()
        if rerun.step % self.every == 0 or rerun.step == self.total:
            growth.measure(self.habit, rerun)

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
