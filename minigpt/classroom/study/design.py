"""The design of a study: two arms, a test before, one after, and one days later.

    locked   the lesson covers its figure until the learner has made a prediction
    free     nothing is covered

Every test is another of three parallel forms, and a third of each arm begins with each
of them: if one form is harder than another, no test and no arm is the worse for it.
"""

from random import Random
from typing import Final, Literal, get_args

Arm = Literal["locked", "free"]
ARMS: Final[tuple[Arm, ...]] = get_args(Arm)
Test = Literal["before", "after", "later"]
TESTS: Final[tuple[Test, ...]] = get_args(Test)

LENGTH = 12
"""Items of one test."""
FORMS = len(TESTS)
_BLOCK = 2 * ARMS


def arm_by_lot(seed: str, number: int) -> Arm:
    """Draw the arm of a study's n-th participant, in random blocks of four.

    After each block the arms are equally large, and within one nobody can tell who
    comes where.

    Args:
        seed: The study's own; the same one draws the same arms after a restart.
        number: Counted from 0.

    Source: Altman and Bland, "How to randomise" (BMJ 1999;319:703).
    """
    block, place = divmod(number, len(_BLOCK))
    return Random(f"{seed} {block}").sample(_BLOCK, len(_BLOCK))[place]


def form_of(first: int, test: Test) -> int:
    """Return which form a test has for whoever began with `first`.

    >>> [form_of(2, test) for test in TESTS]
    [2, 0, 1]
    """
    return (first + TESTS.index(test)) % FORMS
