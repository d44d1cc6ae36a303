"""One matrix before and after a step of its optimizer, with all that made the update.

Before: `backward`. Next: `steps`, which moves all weights of a model at once.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from minigpt.interpret.learning.matrices import Matrix
from minigpt.model import LanguageModel
from minigpt.training.optimizer import orthogonalize

OptimizerName = Literal["SGD", "AdamW", "Muon"]


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
class Watched:
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
        """Note down a matrix of a model whose gradients are there."""
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
