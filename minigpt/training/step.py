"""One step of training: forward, loss, backward, clip, update.

The batch may be cut into parts, to save memory (gradient accumulation), and spread over
processes. The gradient is always that of the mean over all labels of the whole batch,
wherever they lie: each part's *sum* is divided by the whole's number of labels.
"""

import math
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from minigpt.config import TrainConfig
from minigpt.errors import RunError
from minigpt.training.batches import Batch, random_seed
from minigpt.training.distributed import Team, without_sharing
from minigpt.training.loss import count_labels, language_model_loss


class StepOutcome(NamedTuple):
    """What a step did."""

    loss: float
    """Mean over the labels, in nats per token, before the update."""
    gradient_norm: float
    """Before clipping."""
    num_tokens: int
    """Labels learned from, over the whole team."""


def take_step(
    forward: nn.Module,
    optimizer: Optimizer,
    batch: Batch,
    config: TrainConfig,
    team: Team,
    step: int,
) -> StepOutcome:
    """Learn from one batch.

    Args:
        forward: The model, perhaps compiled or shared over processes.
        optimizer: Holds the model's weights.
        batch: This process's inputs and labels.
        config: Precision, parts, clipping, seed.
        team: The processes at work.
        step: Steps taken before this one; dropout depends on it.

    Raises:
        RunError: If the loss or the gradient is not a number. The weights are then
            still those of the step before.
    """
    num_tokens = int(team.sum([int(count_labels(batch[1]))])[0])
    torch.manual_seed(random_seed(config.seed, "dropout", step, team.rank))
    forward.train()
    optimizer.zero_grad()
    own_loss = accumulate_gradient(forward, batch, config, team, num_tokens)
    loss = team.sum([own_loss])[0]
    _require_finite("loss", loss, step)
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    limit = config.gradient_clip or math.inf
    norm = nn.utils.clip_grad_norm_(weights, limit).item()
    _require_finite("gradient", norm, step)
    optimizer.step()
    return StepOutcome(loss, norm, num_tokens)


def accumulate_gradient(
    forward: nn.Module, batch: Batch, config: TrainConfig, team: Team, num_tokens: int
) -> float:
    """Add a batch's gradient to the weights' `.grad`, part by part.

    Args:
        forward: The model.
        batch: This process's inputs and labels.
        config: Precision and number of parts.
        team: The processes at work.
        num_tokens: Labels of the whole batch, over the whole team.

    Returns:
        This process's share of the mean loss, in nats per token.
    """
    parts = list(
        zip(*(half.chunk(config.accumulation_steps) for half in batch), strict=True)
    )
    autocast = torch.autocast(
        team.device.type,
        dtype=torch.bfloat16,
        enabled=config.precision == "bfloat16",
    )
    loss = 0.0
    for number, (inputs, labels) in enumerate(parts, start=1):
        is_last = number == len(parts)
        with nullcontext() if is_last else without_sharing(forward):
            with autocast:
                logits: Tensor = forward(inputs)
            share = language_model_loss(logits, labels, "sum") / max(1, num_tokens)
            # Sharing averages over the team, and what is wanted is the sum.
            torch.autograd.backward(share * team.size)
        loss += share.item()
    return loss


def _require_finite(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise RunError(
            f"The {what} is {value} at step {step + 1}, so training stopped before it "
            "could spoil the weights. Lower the learning rate, clip the gradient or "
            "warm up longer, and resume from the last checkpoint."
        )
