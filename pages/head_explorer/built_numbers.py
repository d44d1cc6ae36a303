"""What is traced back of a head, a moment at a time: so the page stays responsive.

A piece of work belongs to a model, a head and a habit, not to a reader. Who comes back,
or comes later, finds it where it is; stopped, it goes on from there.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from minigpt.checkpoint import Checkpoint
from minigpt.errors import MinigptError
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.habits import HabitCells, text_habits
from minigpt.interpret.heads.held_out_scores import ByHabit
from minigpt.interpret.influence.habit import HeadHabit
from minigpt.interpret.influence.rises import Rise, rises, scores_of
from minigpt.interpret.influence.study import Progress, Study
from minigpt.library.catalogue import ModelEntry
from minigpt.places import data_directory
from minigpt.runs.store import RunStore
from pages.frame import corpora, models
from pages.frame.remember import remember

MOMENT = 0.7
"""Seconds of work between two updates of the page."""


class Work:
    """The study of one head, on its way.

    Args:
        study: Not begun.
        habit: The name of its habit.
    """

    def __init__(self, study: Study, habit: str) -> None:
        self.study, self.habit = study, habit
        self.progress: Progress | None = None
        """Of the part that is on its way."""
        self.problem: MinigptError | None = None
        """Why a part did not come to its end."""
        self.asked: int | None = None
        """Of a proof, the number of windows."""
        self._part: Iterator[Progress] | None = None
        self._began, self._worked = 0, 0.0
        self._turn = threading.Lock()

    def begin(self, count: int | None = None) -> None:
        """Begin with a part, unless it is on its way: finding, or a proof.

        Args:
            count: For a proof, how many windows to take out.
        """
        if self._part is None or self.asked != count:
            study, self.asked = self.study, count
            self._part = study.find() if count is None else study.prove(count)
            self.progress, self.problem = None, None
            self._began, self._worked = 0, 0.0

    @property
    def is_begun(self) -> bool:
        """Whether a part is on its way."""
        return self._part is not None

    @property
    def seconds_left(self) -> float | None:
        """What is left of the present phase; None before that can be told."""
        if self.progress is None or self.progress.done <= self._began:
            return None
        now = self.progress
        each = self._worked / (now.done - self._began)
        return each * (now.total - now.done)

    def go_on(self) -> None:
        """Work for a moment; another reader's turn counts as well."""
        end = time.monotonic() + MOMENT
        # The turn first: who waits for it must not keep others from writing.
        with self._turn, models.turn_to_write():
            while self._part is not None and time.monotonic() < end:
                if self._advance(self._part):
                    break  # what comes next may take long: the page names it first

    def _advance(self, part: Iterator[Progress]) -> bool:
        """Take a step; return whether another phase has begun."""
        begin, before = time.monotonic(), self.progress
        try:
            self.progress = next(part)
        except StopIteration:
            self._part = None
            return True
        except MinigptError as error:
            self._part, self.problem = None, error
            return True
        if before is None or before.words != self.progress.words:
            self._began, self._worked = self.progress.done, 0.0
            return True
        self._worked += time.monotonic() - begin
        return False


def is_training(entry: ModelEntry) -> bool:
    """Whether a model's run goes on: then its last step is still to come."""
    if entry.kind != "run":
        return False
    return RunStore(data_directory() / "runs").open(entry.id).status().is_alive


def last_of(steps: dict[int, Path]) -> Checkpoint:
    """Return the last checkpoint of a run."""
    return models.load(steps[max(steps)])


def windows_of(checkpoint: Checkpoint) -> Windows:
    """Return the held-out text on which scores are measured."""
    return corpora.windows(checkpoint)


def habits_of(checkpoint: Checkpoint) -> HabitCells:
    """Return the habits that this text shows."""
    return _habits(checkpoint, windows_of(checkpoint))


@remember(16, shared=True)
def _habits(checkpoint: Checkpoint, windows: Windows) -> HabitCells:
    return text_habits(checkpoint.tokenizer, windows)


def rises_of(steps: dict[int, Path], layer: int, head: int) -> list[Rise]:
    """Return the habits of a head that grew in its run, the largest rise first."""
    checkpoint = last_of(steps)
    last = _scores(checkpoint, checkpoint)
    first = _scores(models.load(steps[0]), checkpoint) if 0 in steps else None
    return rises(habits_of(checkpoint), (first, last), layer, head)


@remember(32)
def _scores(checkpoint: Checkpoint, on_text_of: Checkpoint) -> ByHabit:
    return scores_of(checkpoint.model, windows_of(on_text_of), habits_of(on_text_of))


@remember(4, shared=True)
def work_on(steps: dict[int, Path], layer: int, head: int, habit: str) -> Work:
    """Return the study of a head by a habit, wherever it stands.

    Raises:
        DataError: If the run cannot be taken again.
    """
    checkpoint = last_of(steps)
    cells = habits_of(checkpoint).cells[habit]
    of_head = HeadHabit(layer, head, windows_of(checkpoint), cells)
    return Work(Study(checkpoint, of_head, steps), habit)
