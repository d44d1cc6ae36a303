"""The proof of a circuit: what it keeps alone, and what is left without it.

Few nodes that keep an answer could be luck: with means in place of all others, many
sets might. So a circuit is held against what nothing keeps, against what is left when
the circuit alone is replaced, and against sets of as many nodes drawn at random. And
the attribution that led to it is held against the truth: each node is replaced by its
mean, and the loss of the difference compared with the effect that was predicted.

Before: `search`. Next: `survey`, the same over many prompts.

Source: Wang et al. 2022, arXiv:2211.00593, section 4, for faithfulness and
completeness; Shi et al. 2024, arXiv:2410.13032, for tests against random circuits.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.circuits.frozen import FrozenRun
from minigpt.interpret.circuits.keeping import kept_differences
from minigpt.interpret.circuits.nodes import Node
from minigpt.interpret.circuits.search import Circuit

RANDOM = 20
"""Sets of nodes that are drawn, each as large as the circuit."""

REMOVED = 256
"""Nodes, of the largest effects, that are taken away one by one."""


@dataclass(frozen=True)
class Proof:
    """Shares of the difference that are left."""

    alone: float
    """With all nodes but the circuit's replaced by their means."""
    nothing: float
    """With all nodes replaced."""
    without: float
    """With the circuit's nodes replaced, and no others."""
    random: Float[np.ndarray, " set"]
    """With all but as many nodes, drawn at random, replaced."""

    @property
    def by_chance(self) -> float:
        """The middle of what random sets keep."""
        return float(np.median(self.random))


@dataclass(frozen=True)
class Removals:
    """What nodes are predicted to do, and what taking each away alone does."""

    predicted: Float[np.ndarray, " node"]
    """Logits of the difference that are lost: `FrozenRun.effects`."""
    measured: Float[np.ndarray, " node"]
    nodes: tuple[Node, ...] = ()
    """Which they are; none, if each is a part at all tokens."""

    @property
    def correlation(self) -> float:
        """Pearson's r; not-a-number if one of both is the same for all."""
        return correlation(self.predicted, self.measured)


def prove(run: FrozenRun, circuit: Circuit, seed: int = 0) -> Proof:
    """Measure what a circuit keeps alone, and what is left without it.

    Args:
        run: The model on the prompt, held still.
        circuit: Nodes of it.
        seed: Of the sets that are drawn.
    """
    kept = torch.as_tensor(circuit.kept)
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(kept.flatten().numpy()) for _ in range(RANDOM)]
    sets = torch.stack(
        [
            kept,
            torch.zeros_like(kept),
            ~kept,
            *(torch.as_tensor(each).view(kept.shape) for each in drawn),
        ]
    )
    left = _shares(run, sets)
    alone, nothing, without = map(float, left[:3])
    return Proof(alone, nothing, without, left[3:])


def remove_each(run: FrozenRun) -> Removals:
    """Replace each node by its mean, alone, and compare with what was predicted.

    Args:
        run: The model on the prompt, held still. Of a prompt with very many nodes,
            those of the largest effects are taken.
    """
    effects = run.effects.flatten().cpu()
    nodes = effects.abs().argsort(descending=True, stable=True)[:REMOVED]
    kept = torch.ones(len(nodes), len(effects), dtype=torch.bool)
    kept[torch.arange(len(nodes)), nodes] = False
    left = _shares(run, kept.view(-1, *run.effects.shape))
    length = run.effects.shape[1]
    places = tuple(Node(*divmod(node, length)) for node in nodes.tolist())
    return Removals(effects[nodes].numpy(), (1 - left) * run.difference, places)


def remove_each_part(run: FrozenRun) -> Removals:
    """Replace each part by its mean, at all tokens together: see `remove_each`."""
    count, length = run.effects.shape
    kept = ~torch.eye(count, dtype=torch.bool)[:, :, None].expand(-1, -1, length)
    left = _shares(run, kept)
    predicted = run.effects.sum(1).cpu().numpy()
    return Removals(predicted, (1 - left) * run.difference)


def correlation(
    first: Float[np.ndarray, " node"], second: Float[np.ndarray, " node"]
) -> float:
    """Return Pearson's r of two columns of numbers."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _shares(run: FrozenRun, kept: Tensor) -> Float[np.ndarray, " set"]:
    left = kept_differences(run.model, run.asked, run.means, kept)
    return (left / run.difference).double().cpu().numpy()
