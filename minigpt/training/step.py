"""One step of training: forward, loss, backward, clip, update.

The batch may be split into parts to save memory (gradient accumulation), and spread
over processes. The gradient is always that of the mean over all labels of the whole
batch: the *sum* over each part is divided by the number of labels in the whole.

`plain_step` is the definition. The trainer calls `take_step`: the same update, for
batches in parts, several processes, half precision and other objectives.
"""

import math
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from minigpt.config import TrainConfig
from minigpt.errors import RunError
from minigpt.training.batches import Batch, random_seed
from minigpt.training.distributed import Team, without_sharing
from minigpt.training.learner import whole
from minigpt.training.loss import count_labels, language_model_loss
from minigpt.training.objective import NextToken, Objective
from minigpt.training.precision import in_precision
from minigpt.training.timing import StepClock


@dataclass(frozen=True)
class StepSetup:
    """What stays the same from step to step."""

    config: TrainConfig
    """Precision, parts, clipping, seed."""
    team: Team
    """The processes at work."""
    objective: Objective = field(default_factory=NextToken)
    """What to minimise."""
    clock: StepClock = field(default_factory=StepClock)
    """Told when each part of a step has ended."""


class StepOutcome(NamedTuple):
    """What a step did."""

    loss: float
    """Mean over the labels, in nats per token, before the update."""
    gradient_norm: float
    """Before clipping."""
    num_tokens: int
    """Labels learned from, over the whole team."""
    measures: dict[str, float]
    """What else the objective measured: means over what it counts."""


def plain_step(
    model: nn.Module, optimizer: Optimizer, batch: Batch, gradient_clip: float | None
) -> float:
    """Learn from one batch: compute the loss and its gradient, then step against it.

        g = ∇ loss(θ);  g ← g · min(1, clip / ‖g‖);  θ ← optimizer(θ, g)

    Args:
        model: Turns tokens into logits.
        optimizer: Holds the model's weights θ.
        batch: Inputs, and the tokens that come next as labels, [batch pos] each.
        gradient_clip: A gradient with a larger norm is scaled down to this norm (none:
            no limit).

    Returns:
        The loss before the update, in nats per token.

    Source: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1, for the clipping.
    """
    inputs, labels = batch
    optimizer.zero_grad()
    loss = language_model_loss(model(inputs), labels)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), gradient_clip or math.inf)
    optimizer.step()
    return loss.item()


def take_step(
    forward: nn.Module, optimizer: Optimizer, batch: Batch, step: int, setup: StepSetup
) -> StepOutcome:
    """Learn from one batch: the same update as `plain_step`.

    Args:
        forward: The model, perhaps compiled or shared over processes.
        optimizer: Holds the model's weights.
        batch: This process's inputs and labels.
        step: Steps taken before this one; dropout depends on it.
        setup: How to take it.

    Raises:
        RunError: If the loss or the gradient is not a number. The weights are then
            still those of the step before.
    """
    config, team = setup.config, setup.team
    counts = [int(count_labels(batch[1])), int(setup.objective.count(batch[1]))]
    num_tokens, number = map(int, team.sum(counts))
    torch.manual_seed(random_seed(config.seed, "dropout", step, team.rank))
    forward.train()
    optimizer.zero_grad()
    own_loss, measures = accumulate_gradient(forward, batch, number, setup)
    loss, *means = team.sum([own_loss, *measures.values()])
    _require_finite("loss", loss, step)
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    limit = config.gradient_clip or math.inf
    norm = whole(nn.utils.clip_grad_norm_(weights, limit)).item()
    _require_finite("gradient", norm, step)
    optimizer.step()
    setup.clock.end("optimizer")
    measured = dict(zip(measures, means, strict=True))
    return StepOutcome(loss, norm, num_tokens, measured)


def accumulate_gradient(
    forward: nn.Module, batch: Batch, number: int, setup: StepSetup
) -> tuple[float, dict[str, float]]:
    """Add a batch's gradient to the weights' `.grad`, part by part.

    Args:
        forward: The model.
        batch: This process's inputs and labels.
        number: What the objective counts in the whole batch, over the whole team.
        setup: Precision, number of parts, objective.

    Returns:
        This process's share of the mean loss, in nats, and of the other measures.
    """
    config, team, clock = setup.config, setup.team, setup.clock
    parts = list(
        zip(*(half.chunk(config.accumulation_steps) for half in batch), strict=True)
    )
    loss, number = 0.0, max(1, number)
    clock.end("other")
    measures: dict[str, float] = defaultdict(float)
    for place, (inputs, labels) in enumerate(parts, start=1):
        is_last = place == len(parts)
        sharing = nullcontext() if is_last else without_sharing(forward)
        with sharing:
            with in_precision(config, team.device):
                outcome = setup.objective.outcome(forward, inputs, labels)
            share = outcome.total / number
            clock.end("forward")
            # Sharing averages over the team, and what is wanted is the sum.
            torch.autograd.backward(share * team.size)
            clock.end("backward")
        loss += share.item()
        for name, total in outcome.measures.items():
            measures[name] += total / number
    return loss, dict(measures)


def _require_finite(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise RunError(
            f"The {what} is {value} at step {step + 1}, so training stopped before it "
            "could spoil the weights. Lower the learning rate, clip the gradient or "
            "warm up longer, and resume from the last checkpoint."
        )
