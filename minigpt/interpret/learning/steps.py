"""One step against the gradient, and the same step again and again.

Every weight of the model is moved by the same rule. A step here is one of real
training, on one prompt only and with no schedule and no clipping: the optimizers are
those of `minigpt.training`. It is taken in a copy, so the model itself stays as it is
for everybody who shares it.

Before: `matrix_step`, which watches one matrix. Next: `arithmetic`, which spells out
one weight's step.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from minigpt.config import TrainConfig
from minigpt.errors import DataError
from minigpt.interpret.differences.gradients import trainable_twin
from minigpt.interpret.learning.matrices import Matrix
from minigpt.interpret.learning.matrix_step import MatrixStep, OptimizerName, Watched
from minigpt.machine_memory import memory_of
from minigpt.model import LanguageModel
from minigpt.training.fast_start import SGD
from minigpt.training.loss import next_token_loss
from minigpt.training.optimizer import build_optimizer

COPIES = 4
"""How often each weight is held: weight, gradient, and AdamW's two averages."""


@dataclass(frozen=True)
class LearningRule:
    """Which optimizer takes the step, and how large the step is."""

    optimizer: OptimizerName
    rate: float
    """lr. For Muon that of the hidden matrices: the others' AdamW steps with the same
    share of it as in the defaults of training."""

    @property
    def config(self) -> TrainConfig:
        """The settings of training that mean this rule."""
        defaults = TrainConfig()
        if self.optimizer == "Muon":
            share = defaults.learning_rate / defaults.muon_learning_rate
            return TrainConfig(
                optimizer="muon",
                learning_rate=self.rate * share,
                muon_learning_rate=self.rate,
                muon_splits_qkv=True,
            )
        return TrainConfig(optimizer="adamw", learning_rate=self.rate)


@dataclass(frozen=True)
class Learned:
    """What became of one prompt, step by step."""

    losses: Float[np.ndarray, "steps_and_1"]
    """Mean over the prompt's tokens, in nats; the first is before any step."""
    probabilities: Float[np.ndarray, "steps_and_1 label"]
    """Of each token but the first."""
    expected: Float[np.ndarray, "steps"]
    """What each step should change the loss by if the slope stayed as it is:
    Σ gradient · update. For SGD that is −lr · ‖gradient‖²."""
    last: MatrixStep | None = None
    """The last step, in the matrix that was asked about."""


@dataclass(frozen=True)
class RateSweep:
    """One step from the same weights, in several sizes."""

    rates: tuple[float, ...]
    losses: Float[np.ndarray, "rate"]
    """After the step, in nats per token; infinite where it leads beyond all numbers."""
    before: float
    """The loss before it."""
    slope: float
    """How the loss changes per unit of lr, at first: Σ gradient · direction."""

    @property
    def best(self) -> float:
        """The step size that leads to the lowest loss."""
        return self.rates[int(self.losses.argmin())]

    def times(self, rate: float, factor: float) -> float:
        """Return the size nearest to one of them times a factor."""
        return min(self.rates, key=lambda each: abs(math.log(each / (factor * rate))))

    def after(self, rate: float) -> float:
        """Return the loss after a step of one of the sizes."""
        return float(self.losses[self.rates.index(rate)])


def learn(
    model: LanguageModel,
    tokens: list[int],
    rule: LearningRule,
    steps: int,
    matrix: Matrix | None = None,
) -> Learned:
    """Learn one prompt in a copy of a model, by the same step again and again.

        θ ← θ − update(∇ loss(θ))

    Args:
        model: Where learning begins; it stays as it is.
        tokens: The prompt's ids, two at least.
        rule: The optimizer and its step size.
        steps: How many, one at least; fewer are taken if the loss is soon no number.
        matrix: What to look at in the last step, if anything.

    Raises:
        DataError: If there is nothing to predict, or a copy would not fit in memory.
    """
    loss_of = next_token_loss(tokens)
    _require_room(model)
    with torch.inference_mode(mode=False), torch.enable_grad():
        own = copy.deepcopy(trainable_twin(model))
        optimizer = _optimizer(own, rule)
        ids = torch.tensor([tokens], device=model.device)
        logits = own(ids)
        rows, expected = [_log_probs(logits, ids)], []
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(loss_of(logits))
            before = {each: each.detach().clone() for each in own.parameters()}
            watched = matrix and Watched.before_step(own, optimizer, matrix)
            optimizer.step()
            expected.append(_first_order(before))
            logits = own(ids)
            rows.append(_log_probs(logits, ids))
            if not torch.isfinite(rows[-1]).all():
                break
        last = watched.after_step(len(expected)) if watched else None
    log_probs = torch.stack(rows).double().numpy()
    return Learned(-log_probs.mean(-1), np.exp(log_probs), np.array(expected), last)


def losses_by_rate(
    model: LanguageModel, tokens: list[int], rule: LearningRule, rates: Sequence[float]
) -> RateSweep:
    """Compute the loss of a prompt after one step, for steps of several sizes.

        loss(θ + lr · direction)

    Each is really taken, from the same weights with the same gradient. The first step
    of each of these optimizers is lr times a direction that does not depend on lr.

    Args:
        model: Where the step begins; it stays as it is.
        tokens: The prompt's ids, two at least.
        rule: The optimizer; its own rate does not matter.
        rates: Step sizes.

    Raises:
        DataError: See `learn`.
    """
    loss_of = next_token_loss(tokens)
    _require_room(model)
    with torch.inference_mode(mode=False), torch.enable_grad():
        own = copy.deepcopy(trainable_twin(model))
        ids = torch.tensor([tokens], device=model.device)
        loss = loss_of(own(ids))
        torch.autograd.backward(loss)
        before = {each: each.detach().clone() for each in own.parameters()}
    losses, slope = [], 0.0
    with torch.inference_mode(mode=False), torch.no_grad():
        for rate in sorted(rates):
            for weight, start in before.items():
                weight.copy_(start)
            _optimizer(own, replace(rule, rate=rate)).step()
            losses.append(float(loss_of(own(ids))))
            # The longest step is the one that rounding blurs least.
            slope = _first_order(before) / rate
    finite = np.nan_to_num(np.array(losses), nan=math.inf, posinf=math.inf)
    return RateSweep(tuple(sorted(rates)), finite, loss.item(), slope)


def _optimizer(model: LanguageModel, rule: LearningRule) -> Optimizer:
    if rule.optimizer == "SGD":
        return SGD(model.parameters(), lr=rule.rate)
    return build_optimizer(model, rule.config)


def _log_probs(logits: Tensor, ids: Tensor) -> Float[Tensor, "label"]:
    """Return ln of the probability of each token but the first."""
    log_probs = logits.detach()[0, :-1].float().log_softmax(-1)
    return log_probs.gather(-1, ids[0, 1:, None])[:, 0].cpu()


def _first_order(before: dict[nn.Parameter, Tensor]) -> float:
    """Return Σ gradient · update over all weights of the model."""
    total = 0.0
    for parameter, weight in before.items():
        if parameter.grad is not None:
            products = parameter.grad * (parameter.detach() - weight)
            total += float(products.sum(dtype=torch.float64))
    return total


def _require_room(model: LanguageModel) -> None:
    """Refuse a copy that would not fit beside what the machine does now.

    Raises:
        DataError: With the numbers, and what to do.
    """
    weights = sum(each.numel() for each in model.parameters())
    size = next(model.parameters()).element_size()
    needed, free = weights * size * COPIES, memory_of(model.device).free
    if needed > free:
        raise DataError(
            f"To learn, this model of {weights / 1e6:,.0f} M weights needs "
            f"{needed / 1e9:.1f} GB for a copy, its gradient and the optimizer, and "
            f"{free / 1e9:.1f} GB are free: choose a smaller model."
        )
