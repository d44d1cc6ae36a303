"""The schedule: how large a step to take, from the first step to the last.

A schedule is a factor on the peak learning rate, a pure function of the step. torch's
`LambdaLR` applies it to every group of the optimizer, each with its own peak.

Before: the gradient. Next: the optimizer, which takes the step.
"""

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from minigpt.config import TrainConfig
from minigpt.errors import ConfigError


def cosine_factor(progress: float, minimum: float = 0.0) -> float:
    """Fall along half a cosine wave from 1 to `minimum`: slowly, fast, slowly.

    Args:
        progress: Share of the decay that lies behind, 0 to 1.
        minimum: Where it ends, as a share of the peak.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5.
    """
    return minimum + (1.0 - minimum) * 0.5 * (1.0 + math.cos(math.pi * progress))


def linear_factor(progress: float, minimum: float = 0.0) -> float:
    """Fall along a straight line from 1 to `minimum`. Arguments: `cosine_factor`."""
    return 1.0 - (1.0 - minimum) * progress


def constant_factor(progress: float, minimum: float = 0.0) -> float:  # noqa: ARG001
    """Always 1: the learning rate stays the same."""
    return 1.0


DECAYS = {
    "cosine": cosine_factor,
    "linear": linear_factor,
    "constant": constant_factor,
}


def warmup_length(config: TrainConfig, total_steps: int | None) -> int:
    """Return the warm-up in steps: as configured, but at most a tenth of the run.

    A run of fifty steps with a warm-up of a hundred would end before it began.
    """
    if total_steps is None:
        return config.warmup_steps
    return min(config.warmup_steps, total_steps // 10)


def schedule_factor(
    step: int, config: TrainConfig, total_steps: int | None = None
) -> float:
    """Return the factor on the learning rate at one step.

    The warm-up rises in equal parts, and its first step is already above 0: a step with
    a learning rate of 0 would be wasted. Then the decay begins, or the step size rests
    at its peak until `decay_start`.

    Args:
        step: Steps already taken; 0 for the first.
        config: Which schedule, how long a warm-up and a rest, where it ends.
        total_steps: Steps of the whole run (none: unknown, only for `constant`).
    """
    warmup = warmup_length(config, total_steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if total_steps is None:
        return 1.0
    start = max(warmup, round(config.decay_start * total_steps))
    progress = (step - start) / max(1, total_steps - start)
    decay = DECAYS[config.schedule]
    return decay(min(max(progress, 0.0), 1.0), config.min_learning_rate_ratio)


def build_schedule(
    optimizer: Optimizer, config: TrainConfig, total_steps: int | None
) -> LambdaLR:
    """Let the schedule of a config steer every group of an optimizer.

    Raises:
        ConfigError: If the schedule needs an end and there is none.
    """
    if total_steps is None and config.schedule != "constant":
        raise ConfigError(
            f"A {config.schedule} schedule needs to know the last step, and the length "
            "of this data is unknown: pass max_steps, or choose the constant schedule."
        )
    factor = partial(schedule_factor, config=config, total_steps=total_steps)
    return LambdaLR(optimizer, factor)


def get_cosine_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int
) -> LambdaLR:
    """Rise linearly from 0 to the peak, then fall in half a cosine to 0.

    Same numbers as the function of this name in Hugging Face's `transformers`.

    Args:
        optimizer: Whose learning rates to steer; their present values are the peaks.
        num_warmup_steps: Steps in which the learning rate rises.
        num_training_steps: All steps, the warm-up included.

    Returns:
        A scheduler: call `.step()` after each step of the optimizer.
    """

    def factor(step: int) -> float:
        if step < num_warmup_steps:
            return step / max(1, num_warmup_steps)
        decay_steps = max(1, num_training_steps - num_warmup_steps)
        progress = (step - num_warmup_steps) / decay_steps
        return max(0.0, cosine_factor(progress))

    return LambdaLR(optimizer, factor)
