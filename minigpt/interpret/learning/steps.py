"""One step against the gradient, and the same step again and again.

Every weight of the model is moved by the same rule. A step here is one of real
training, on one prompt only and with no schedule and no clipping: the optimizers are
those of `minigpt.training`. It is taken in a copy, so the model itself stays as it is
for everybody who shares it.

Before: `backward`. Next: `arithmetic`, which spells out one weight's step.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from minigpt.config import TrainConfig
from minigpt.errors import DataError
from minigpt.interpret.differences.gradients import trainable_twin
from minigpt.interpret.learning.matrices import Matrix
from minigpt.machine_memory import memory_of
from minigpt.model import LanguageModel
from minigpt.training.loss import next_token_loss
from minigpt.training.optimizer import build_optimizer, orthogonalize

OptimizerName = Literal["SGD", "AdamW", "Muon"]
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
class MatrixStep:
    """One matrix before and after a step, with everything that its update is made of.

    All arrays are [row column] of the matrix.
    """

    matrix: Matrix
    rule: OptimizerName
    """What steps this matrix: with Muon, those that face the vocabulary get AdamW."""
    settings: dict[str, float]
    """`lr`, `weight_decay`, `beta1`, `beta2`, `eps`, `beta`, `stretch`: those that the
    rule has."""
    step: int
    """Counted from 1."""
    weight: Float[np.ndarray, "row column"]
    gradient: Float[np.ndarray, "row column"]
    averages: dict[str, Float[np.ndarray, "row column"]]
    """What the optimizer remembers, before the step: `m`, and of AdamW `v`."""
    direction: Float[np.ndarray, "row column"] | None
    """Muon's orthogonalised matrix."""
    after: Float[np.ndarray, "row column"]

    @property
    def update(self) -> Float[np.ndarray, "row column"]:
        """What the step added to the weights."""
        return self.after - self.weight

    def largest_gradients(self, count: int) -> list[tuple[int, int]]:
        """Return where the gradient is largest, and places of ever smaller ones.

        Args:
            count: How many at most; each has a gradient a fifth smaller than the one
                before, or more.
        """
        sizes = np.abs(self.gradient).ravel()
        limit, found = math.inf, []
        for place in np.argsort(-sizes, kind="stable"):
            if sizes[place] <= limit and sizes[place] > 0:
                row, column = np.unravel_index(place, self.gradient.shape)
                found.append((int(row), int(column)))
                limit = 0.8 * sizes[place]
            if len(found) == count:
                break
        return found


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
            watched = matrix and _Watched.before_step(own, optimizer, matrix)
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


@dataclass(frozen=True)
class _Watched:
    """One matrix and what its optimizer remembers, noted down before a step."""

    matrix: Matrix
    parameter: nn.Parameter
    group: dict[str, Any]
    """The optimizer's settings for this parameter."""
    averages: dict[str, Tensor]
    weight: Tensor

    @classmethod
    def before_step(
        cls, model: LanguageModel, optimizer: Optimizer, matrix: Matrix
    ) -> Self:
        parameter = model.get_parameter(matrix.parameter)
        parts = getattr(optimizer, "parts", (optimizer,))
        state, group = next(
            (part.state.get(parameter, {}), group)
            for part in parts
            for group in part.param_groups
            if any(each is parameter for each in group["params"])
        )
        names = {"exp_avg": "m", "exp_avg_sq": "v", "momentum": "m"}
        averages = {
            short: state[name].clone() for name, short in names.items() if name in state
        }
        return cls(matrix, parameter, group, averages, parameter.detach().clone())

    def after_step(self, step: int) -> MatrixStep:
        """Note down what the step made of the matrix."""
        assert self.parameter.grad is not None
        rule: OptimizerName = "SGD"
        if "betas" in self.group:
            rule = "AdamW"
        elif "parts" in self.group:
            rule = "Muon"
        wanted = {"SGD": (), "AdamW": ("m", "v"), "Muon": ("m",)}[rule]
        nothing = torch.zeros_like(self.parameter)
        averages = {name: self.averages.get(name, nothing) for name in wanted}
        settings, direction = _settings(self.group), None
        if rule == "Muon":
            direction, stretch = _muon_direction(
                self.parameter.grad, averages["m"], self.group, self.matrix
            )
            settings["stretch"] = stretch
        return MatrixStep(
            matrix=self.matrix,
            rule=rule,
            settings=settings,
            step=step,
            weight=self._cells(self.weight),
            gradient=self._cells(self.parameter.grad),
            averages={name: self._cells(each) for name, each in averages.items()},
            direction=None if direction is None else self._cells(direction),
            after=self._cells(self.parameter),
        )

    def _cells(self, tensor: Tensor) -> Float[np.ndarray, "row column"]:
        return tensor.detach()[self.matrix.cells].double().cpu().numpy()


def _settings(group: dict[str, Any]) -> dict[str, float]:
    """Return a group's numbers by the names of the formula."""
    wanted = ("lr", "weight_decay")
    named: dict[str, float] = {name: group[name] for name in wanted if name in group}
    if "betas" in group:
        named["beta1"], named["beta2"] = group["betas"]
        named["eps"] = group["eps"]
    if "parts" in group:
        named["beta"] = group["momentum"]
    return {name: float(value) for name, value in named.items()}


def _muon_direction(
    gradient: Tensor, momentum: Tensor, group: dict[str, Any], matrix: Matrix
) -> tuple[Tensor, float]:
    """Compute Muon's orthogonalised matrices, as packed as their parameter.

    Returns:
        The matrices, and √max(1, rows / columns) of the one that is looked at.
    """
    beta = group["momentum"]
    momentum = momentum.lerp(gradient, 1.0 - beta)
    ahead = gradient.lerp(momentum, beta)
    heights = list(group["parts"]) or [len(ahead)]
    parts = torch.split(ahead, heights)
    ends = np.cumsum([len(part) for part in parts])
    own = parts[int(np.searchsorted(ends, matrix.rows[0], side="right"))]
    direction = torch.cat([orthogonalize(part[None])[0] for part in parts])
    return direction, max(1.0, own.shape[0] / own.shape[1]) ** 0.5


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
