"""One training step as a function: state in, state out, and nothing is overwritten.

`minigpt.training.step.take_step` changes weights in place: nothing can be followed back
through it. This is the same arithmetic without that, and shows how the new weights
depend on the old ones, on the optimizer's averages, and on how much each label counts.

    loss = Σ w_i · loss_i / Σ w_i            w_i = 1 for the label of every position i
    θ′, averages′ = optimizer(θ, averages, clip(∇ loss))

Before: `rerun`, which keeps the states. Next: `backwards`.

Source: Muon and AdamW as in `minigpt.training.optimizer`; Maclaurin et al. 2015,
arXiv:1502.03492, for following a whole training back.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from minigpt.config import TrainConfig
from minigpt.interpret.influence.habit import Weights
from minigpt.model import TransformerLM
from minigpt.training.batches import Batch, random_seed
from minigpt.training.loss import IGNORED
from minigpt.training.optimizer import Muon, OptimizerPair, orthogonalize_by_gram
from minigpt.training.schedule import schedule_factor

_MUON_KEEPS, _ADAMW_KEEPS = ("momentum",), ("exp_avg", "exp_avg_sq")
"""What the optimizers call their averages."""

_TINY = 1e-24
"""Under a root, keeps its slope finite where a weight never had a gradient."""


class State(NamedTuple):
    """Where a training stands between two steps."""

    weights: Weights
    averages: dict[str, tuple[Tensor, ...]]
    """What the optimizer remembers of each parameter: of AdamW the averages of gradient
    and squared gradient, of Muon the momentum."""

    def tensors(self) -> list[Tensor]:
        """Return all of it, the weights first."""
        averages = [each for some in self.averages.values() for each in some]
        return [*self.weights.values(), *averages]

    def like(self, tensors: list[Tensor]) -> "State":
        """Put tensors in the order of `tensors` into the same places."""
        rest = iter(tensors)
        weights = {name: next(rest) for name in self.weights}
        averages = {
            name: tuple(next(rest) for _ in some)
            for name, some in self.averages.items()
        }
        return State(weights, averages)

    def fresh(self) -> "State":
        """Return the same numbers, where new gradients begin."""
        return self.like([each.detach().requires_grad_() for each in self.tensors()])


@dataclass(frozen=True)
class _Rule:
    """How one parameter is moved: its group's settings, at the peak of the schedule."""

    is_muon: bool
    rate: float
    decay: float
    betas: tuple[float, float]
    """Of AdamW; of Muon the momentum stands first."""
    epsilon: float
    rows: tuple[int, ...]
    """Of Muon: the matrices that the parameter is packed of; none: it is one."""


class PureStep:
    """The steps of one training.

    Args:
        model: Its shape; its own weights are not looked at.
        config: Clipping, schedule, seed.
        optimizer: As it was built for the model, before or after some steps.
        total_steps: Of the whole run: the schedule depends on it.
    """

    def __init__(
        self,
        model: TransformerLM,
        config: TrainConfig,
        optimizer: Optimizer,
        total_steps: int,
    ) -> None:
        self.model, self._config, self._total = model, config, total_steps
        self._names = {id(weight): name for name, weight in model.named_parameters()}
        self._rules = {
            self._names[id(weight)]: rule
            for part in _parts(optimizer)
            for group in part.param_groups
            for rule in (_rule_of(part, group),)
            for weight in group["params"]
        }

    def state_of(self, optimizer: Optimizer) -> State:
        """Copy weights and averages out of the optimizer that trains `model`."""
        weights = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        averages = {}
        for part in _parts(optimizer):
            kept = _MUON_KEEPS if isinstance(part, Muon) else _ADAMW_KEEPS
            for group in part.param_groups:
                for weight in group["params"]:
                    # Nothing is remembered before the first step.
                    known = part.state.get(weight, {})
                    averages[self._names[id(weight)]] = tuple(
                        known.get(name, torch.zeros_like(weight)).clone()
                        for name in kept
                    )
        return State(weights, {name: averages[name] for name in weights})

    def take(
        self, state: State, counts: Float[Tensor, "row pos"], batch: Batch, step: int
    ) -> State:
        """Return the state after a step.

        Args:
            state: Before it. Its weights must ask for gradients.
            counts: How much the loss of each label counts: 1, in the real training.
            batch: Inputs and labels, [row pos].
            step: Steps taken before.
        """
        loss = self._loss(state.weights, counts, batch, step)
        gradients = torch.autograd.grad(
            loss,
            list(state.weights.values()),
            create_graph=True,
            materialize_grads=True,
        )
        norm = torch.stack([each.square().sum() for each in gradients]).sum().sqrt()
        limit = self._config.gradient_clip or math.inf
        clip = (limit / (norm + 1e-6)).clamp(max=1.0)
        factor = schedule_factor(step, self._config, self._total)
        weights, averages = {}, {}
        for (name, weight), gradient in zip(
            state.weights.items(), gradients, strict=True
        ):
            rule = self._rules[name]
            move = _muon if rule.is_muon else _adamw
            update, averages[name] = move(
                gradient * clip, state.averages[name], rule, step
            )
            rate = rule.rate * factor
            weights[name] = weight * (1 - rate * rule.decay) - rate * update
        return State(weights, averages)

    def _loss(
        self,
        weights: Weights,
        counts: Float[Tensor, "row pos"],
        batch: Batch,
        step: int,
    ) -> Float[Tensor, ""]:
        """Return the mean loss over the labels, each as much as it counts."""
        inputs, labels = batch
        torch.manual_seed(random_seed(self._config.seed, "dropout", step, 0))
        self.model.train()
        # Watched attention is computed step by step: torch's fused form has no second
        # derivative.
        with self.model.hooks([("*.attn.hook_pattern", _look)]):
            logits = functional_call(self.model, weights, (inputs,))
        losses = F.cross_entropy(
            logits.float().mT, labels, ignore_index=IGNORED, reduction="none"
        )
        return (counts * losses).sum() / (counts * (labels != IGNORED)).sum()


def _look(pattern: Tensor, hook: object) -> None:
    """Watch a value and leave it as it is."""


def _parts(optimizer: Optimizer) -> tuple[Optimizer, ...]:
    return optimizer.parts if isinstance(optimizer, OptimizerPair) else (optimizer,)


def _rule_of(part: Optimizer, group: dict[str, object]) -> _Rule:
    """Read one group's settings."""
    assert isinstance(part, Muon | AdamW)
    # A schedule writes its present rate into `lr`, and keeps the peak.
    settings: dict[str, object] = {"eps": 0.0, "parts": (), **group}
    is_muon = isinstance(part, Muon)
    betas = (settings["momentum"], 0.0) if is_muon else settings["betas"]
    return _Rule(
        is_muon=is_muon,
        rate=settings.get("initial_lr", settings["lr"]),  # type: ignore[arg-type]
        decay=settings["weight_decay"],  # type: ignore[arg-type]
        betas=betas,  # type: ignore[arg-type]
        epsilon=settings["eps"],  # type: ignore[arg-type]
        rows=settings["parts"],  # type: ignore[arg-type]
    )


def _muon(
    gradient: Tensor, averages: tuple[Tensor, ...], rule: _Rule, step: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return what to subtract, per unit of lr, and the new momentum."""
    del step
    beta = rule.betas[0]
    momentum = averages[0].lerp(gradient, 1 - beta)
    ahead = gradient.lerp(momentum, beta)
    updates = [
        orthogonalize_by_gram(part[None])[0]
        * max(1.0, part.shape[0] / part.shape[1]) ** 0.5
        for part in torch.split(ahead, list(rule.rows) or [len(ahead)])
    ]
    return torch.cat(updates), (momentum,)


def _adamw(
    gradient: Tensor, averages: tuple[Tensor, ...], rule: _Rule, step: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return what to subtract, per unit of lr, and the new averages."""
    first, second = rule.betas
    mean = averages[0].lerp(gradient, 1 - first)
    square = averages[1] * second + (1 - second) * gradient.square()
    spread = (square / (1 - second ** (step + 1)) + _TINY).sqrt()
    return mean / (1 - first ** (step + 1)) / (spread + rule.epsilon), (mean, square)
