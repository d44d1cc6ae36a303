"""The numbers of "How a weight learns", kept while the reader clicks about."""

from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.backward import backward_pass
from minigpt.interpret.learning.matrices import Matrix, matrices_of
from minigpt.interpret.learning.steps import (
    LearningRule,
    MatrixStep,
    learn,
    losses_by_rate,
)
from pages.frame.remember import remember

LOSS, GRADIENT, STEP, SIZES, AGAIN = VIEWS = (
    "1 The loss",
    "2 The gradient",
    "3 One step",
    "4 Its size",
    "5 Again and again",
)

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Step sizes on offer, two to each factor of ten."""

MOST_STEPS = 50
"""How often the step can be repeated."""

AT_ONCE = 10
"""Steps that are computed in one go, so that the next press finds them ready."""


class Prompt(NamedTuple):
    """The text to learn."""

    tokens: list[int]
    pieces: list[str]


backward_of = remember(32)(backward_pass)
"""The loss of the prompt and its gradients."""

learned_of = remember(24)(learn)
"""What becomes of the prompt, step by step."""

sweep_of = remember(32)(losses_by_rate)
"""The loss after one step of every size."""


def step_of(
    checkpoint: Checkpoint, tokens: list[int], rule: LearningRule, matrix: Matrix
) -> MatrixStep:
    """Take the first step in a copy, and return what it did to one matrix."""
    learned = learned_of(checkpoint.model, tokens, rule, 1, matrix)
    assert learned.last is not None
    return learned.last


def first_matrix(checkpoint: Checkpoint) -> Matrix:
    """Return the matrix to begin with, whatever is looked at now."""
    found = matrices_of(checkpoint.model, 0, 0)
    return found[begin_with(list(found))]


def begin_with(names: list[str]) -> str:
    """Choose a matrix in which every prompt leaves a gradient.

    A head that looks only at positions has next to none in W_Q and W_K.
    """
    return next(name for name in ("W_in", "W_O", "W") if name in names)
