"""A head's score, followed back through the training to every token.

How would the score at step T change if one token had counted a little more? Its loss
moved the weights at its step, and every later step started from there. The chain
rule takes both into account, from the last step to the first:

    λ_T = ∂ score / ∂ state_T
    influence(i) = λ_{t+1} · ∂ state_{t+1} / ∂ w_i        for the labels i of step t
    λ_t = λ_{t+1} · ∂ state_{t+1} / ∂ state_t

The shorter way, TracIn, multiplies the gradients of score and window at the same step,
and leaves out what later steps make of it. For heads that is nearly everything: a
window of the first steps decides *when* a head begins to grow, and at its own step
hardly any score changes (`benchmarks/influence.py` compares the two).

States are kept at some steps only, and those in between computed again.

Before: `pure_step`. Next: `study`.

Source: Maclaurin et al. 2015, arXiv:1502.03492; Engstrom et al. 2025, arXiv:2503.13751,
for training data; Pruthi et al. 2020, arXiv:2002.08484, for TracIn; Chen et al. 2016,
arXiv:1604.06174, for states kept at some steps only.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.influence.habit import HeadHabit
from minigpt.interpret.influence.pure_step import PureStep, State
from minigpt.interpret.influence.rerun import batch_of, own_randomness
from minigpt.training.batches import Batch, BatchSampler


class StepInfluence(NamedTuple):
    """What the tokens of one step did for a score."""

    step: int
    """Steps taken before."""
    labels: Float[np.ndarray, "row pos"]
    """By how much the score would rise if the loss of a label counted twice, at the
    slope at which it begins to; above 0, to learn it helped."""


def trace_back(
    habit: HeadHabit,
    pure: PureStep,
    sampler: BatchSampler,
    kept: Mapping[int, State],
    last: int,
) -> Iterator[StepInfluence]:
    """Yield the influence of the labels of each step, from the last one to the first.

    Args:
        habit: Whose score.
        pure: The steps of the training.
        sampler: Its batches.
        kept: The training's states by step; step 0 is among them.
        last: The step whose score is asked about.
    """
    slopes: list[Tensor] | None = None
    for begin, end in reversed(_stretches(kept, last)):
        *states, after = _states(pure, sampler, kept[begin], range(begin, end))
        if slopes is None:
            slopes = _slopes_of_score(habit, pure, after)
        for step in reversed(range(begin, end)):
            batch = batch_of(sampler, step)
            labels, slopes = _one_back(pure, states.pop(), batch, step, slopes)
            yield StepInfluence(step, labels.numpy())


def _stretches(kept: Mapping[int, State], last: int) -> list[tuple[int, int]]:
    """Return where each kept state's stretch begins and ends.

    >>> _stretches({0: ..., 3: ..., 6: ...}, last=5)
    [(0, 3), (3, 5)]
    """
    begins = sorted(step for step in kept if step < last)
    return list(zip(begins, [*begins[1:], last], strict=True))


def _states(
    pure: PureStep, sampler: BatchSampler, state: State, steps: range
) -> list[State]:
    """Return the states before each of some steps, and the one after the last."""
    states = [state]
    for step in steps:
        batch = batch_of(sampler, step)
        with own_randomness():
            counts = torch.ones(batch[1].shape)
            after = pure.take(state.fresh(), counts, batch, step)
        state = after.fresh()
        states.append(state)
    return states


def _slopes_of_score(habit: HeadHabit, pure: PureStep, state: State) -> list[Tensor]:
    """Return how the score depends on each number of the state it is measured at."""
    state = state.fresh()
    pure.model.eval()
    with torch.enable_grad():
        score = habit.score(pure.model, state.weights)
    return list(torch.autograd.grad(score, state.tensors(), materialize_grads=True))


def _one_back(
    pure: PureStep, state: State, batch: Batch, step: int, slopes: list[Tensor]
) -> tuple[Float[Tensor, "row pos"], list[Tensor]]:
    """Pass the slopes on from after a step to its labels, and to before it."""
    state, counts = state.fresh(), torch.ones(batch[1].shape, requires_grad=True)
    with own_randomness():
        after = pure.take(state, counts, batch, step)
        labels, *before = torch.autograd.grad(
            after.tensors(),
            [counts, *state.tensors()],
            slopes,
            materialize_grads=True,
        )
    return labels, before
