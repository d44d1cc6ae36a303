"""What the part Many prompts computes: each pair once, then remembered."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.interventions.patching import CARRIED
from minigpt.interpret.pairs.alignment import LeftOut, Pair, align, equally_long
from minigpt.interpret.pairs.averages import Average, average
from minigpt.interpret.pairs.held_out_pairs import held_out_pairs
from minigpt.interpret.pairs.measures import PairNumbers, measure_pair
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.interpret.pairs.tales_pairs import KINDS, tales_pairs
from minigpt.interpret.pairs.two_models import (
    PairOfModels,
    TwoModels,
    compare_pair,
    compare_pairs,
)
from pages.frame.look.waiting import SOON, in_turn
from pages.frame.remember import remember
from pages.intervene import numbers

Job = TypeVar("Job")
Found = TypeVar("Found")

held_out = remember(16, spinner="Looking for pairs of held-out text …")(held_out_pairs)
"""Pairs of a model's own held-out text."""


class Measured(NamedTuple):
    """One measure of many pairs."""

    pairs: list[Pair]
    """Those that were measured."""
    left_out: list[LeftOut]
    average: Average

    @property
    def numbers(self) -> list[int]:
        """Of the pairs, as they stand in the list."""
        return [pair.number for pair in self.pairs]


@remember(32)
def knows_tales(checkpoint: Checkpoint) -> bool:
    """Whether a model's tokens are those that the pairs of tales are about."""
    rows = [tales_pairs(kind, 1)[0] for kind in KINDS]
    found = [_aligned(checkpoint, row, 1) for row in rows]
    return sum(isinstance(each, Pair) for each in found) > len(found) / 2


def align_rows(
    checkpoint: Checkpoint, rows: Sequence[PairRow]
) -> tuple[list[Pair], list[LeftOut]]:
    """Return the pairs of a list that can be compared, and the others with reasons."""
    found = [_aligned(checkpoint, row, number) for number, row in enumerate(rows, 1)]
    return (
        [each for each in found if isinstance(each, Pair)],
        [each for each in found if isinstance(each, LeftOut)],
    )


def measure(
    checkpoint: Checkpoint,
    rows: Sequence[PairRow],
    what: str,
    only: int | None,
    stop: Callable[[], None],
) -> Measured:
    """Measure every pair of a list, and say how long the rest will take.

    What was done is kept: stopped, it goes on where it was.

    Args:
        checkpoint: The chosen model.
        rows: The list.
        what: One of `measures.MEASURES`.
        only: The number of the one pair to look at; None: all.
        stop: Shows the button that stops it.

    Raises:
        DataError: If no pair can be compared.
    """
    pairs, left_out = align_rows(checkpoint, rows)
    if what in CARRIED and CARRIED[what].places == "position":
        pairs, others = equally_long(pairs)
        left_out = sorted([*left_out, *others])
    if only is not None:
        pairs = [pair for pair in pairs if pair.number == only]
    layers = _layers(checkpoint, what)
    jobs = [(pair, some) for pair in pairs for some in layers]
    found = _in_turn(
        jobs, lambda job: _measured(checkpoint, job[0], what, job[1]), stop
    )
    size = len(layers)
    whole = [
        PairNumbers.stacked(found[start : start + size]) if size > 1 else found[start]
        for start in range(0, len(found), size)
    ]
    return Measured(pairs, left_out, average(whole))


def compare(
    before: Checkpoint,
    after: Checkpoint,
    rows: Sequence[PairRow],
    only: int | None,
    stop: Callable[[], None],
) -> tuple[TwoModels, list[LeftOut]]:
    """Let two models read every pair of a list, or one; return what was left out, too.

    Args:
        before: The model to compare with.
        after: The chosen model.
        rows: The list.
        only: See `measure`.
        stop: See `measure`.

    Raises:
        DataError: If no pair can be compared in both models.
    """
    jobs = [
        (number, row)
        for number, row in enumerate(rows, 1)
        if only is None or number == only
    ]
    found = _in_turn(jobs, lambda job: _compared(before, after, job[1], job[0]), stop)
    left_out = [each for each in found if isinstance(each, LeftOut)]
    compared = [each for each in found if isinstance(each, PairOfModels)]
    if not compared and left_out:
        raise DataError(
            "None of these pairs can be compared in both models. Pair "
            f"{left_out[0].number}: {left_out[0].why}"
        )
    return compare_pairs(compared), left_out


def _in_turn(
    jobs: Sequence[Job], one: Callable[[Job], Found], stop: Callable[[], None]
) -> list[Found]:
    """Do one job after the other, with a bar and a way to stop once it takes long."""
    words = "{done} of {total} measured"
    return [one(job) for job in in_turn(jobs, words, patience=SOON, when_slow=stop)]


def _layers(checkpoint: Checkpoint, what: str) -> list[list[int] | None]:
    """Return the layers that are patched at once: of a large model, one."""
    if what not in CARRIED or numbers.is_quick(checkpoint):
        return [None]
    return [[layer] for layer in range(checkpoint.model.config.num_layers)]


@remember(4096)
def _aligned(checkpoint: Checkpoint, row: PairRow, number: int) -> Pair | LeftOut:
    try:
        return align(checkpoint.model, checkpoint.tokenizer, row, number)
    except DataError as error:
        return LeftOut(number, str(error))


@remember(2048)
def _compared(
    before: Checkpoint, after: Checkpoint, row: PairRow, number: int
) -> PairOfModels | LeftOut:
    try:
        return compare_pair(before, after, row, number)
    except DataError as error:
        return LeftOut(number, str(error))


@remember(8192)
def _measured(
    checkpoint: Checkpoint, pair: Pair, what: str, layers: list[int] | None
) -> PairNumbers:
    return measure_pair(checkpoint.model, pair, what, layers)
