"""The search for a circuit: few nodes that, alone, leave the answer as it is.

Nodes are ranked by the size of their effects in the frozen run, which costs one
backward pass. The shortest beginning of that list with which the model keeps the
difference, all else replaced by means, is the first candidate. Then whatever can go
does: each node is taken from the candidate in turn, and as many as possible of those
that matter least there are dropped together, until none can go.

A set that keeps more than the whole difference has left out what speaks against the
answer: it is no account of the model either. So the share must lie near 1.

Before: `frozen`, `keeping`. Next: `proof`.

Source: Conmy et al. 2023, arXiv:2304.14997, for pruning by what is measured; Hanna et
al. 2024, arXiv:2403.17806, for faithfulness.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minigpt.interpret.circuits.frozen import FrozenRun, freeze
from minigpt.interpret.circuits.keeping import (
    ask,
    kept_differences,
    whole_difference,
)
from minigpt.interpret.circuits.nodes import Node, mean_values
from minigpt.interpret.corpora import Windows
from minigpt.model import TransformerLM

LEAST, MOST = 0.9, 1.1
"""Between these shares of the difference a circuit is faithful."""

FEW = 0.15
"""A circuit has at most this share of the nodes, or else it explains little."""

RANKED = 64
"""Sizes that are tried one by one, and nodes that are dropped in turn before others."""

STEPS: Final = (1, 2, 3, 5, 8, 12, 18, 26, 40, 60)
"""How many nodes are dropped together."""


@dataclass(frozen=True)
class Circuit:
    """Some nodes, and what they keep of the difference alone."""

    kept: Bool[np.ndarray, "part pos"]
    share: float
    """Of logit(answer) − logit(rival), with all other nodes at their means."""

    @cached_property
    def size(self) -> int:
        """How many nodes."""
        return int(self.kept.sum())

    @property
    def places(self) -> list[Node]:
        """The nodes, in the order of the parts."""
        return [Node(*map(int, place)) for place in np.argwhere(self.kept)]

    @property
    def of_all(self) -> float:
        """Share of all nodes of the prompt."""
        return self.size / self.kept.size

    @property
    def is_faithful(self) -> bool:
        """Whether it keeps the difference, no less and not much more."""
        return LEAST <= self.share <= MOST

    @property
    def holds(self) -> bool:
        """Whether it is faithful and small."""
        return self.is_faithful and self.of_all <= FEW


def first_candidate(run: FrozenRun) -> Circuit:
    """Return the shortest list of the largest effects that keeps the difference.

    Args:
        run: The model on the prompt, held still.
    """
    ranked = run.effects.abs().flatten().argsort(descending=True, stable=True)
    count = len(ranked)
    sizes = list(range(1, min(RANKED, count) + 1))
    while sizes[-1] < count:
        sizes.append(min(int(sizes[-1] * 1.25), count))
    # Most circuits are small: look at the small ones first.
    for some in (sizes[:RANKED], sizes[RANKED:]):
        kept = torch.zeros(len(some), count, dtype=torch.bool)
        for row, size in enumerate(some):
            kept[row, ranked[:size].cpu()] = True
        found = _measured(run, kept.view(-1, *run.effects.shape))
        best = next((each for each in found if each.is_faithful), None)
        if best is not None:
            return best
    return Circuit(np.ones(run.effects.shape, bool), 1.0)


def without_the_least(run: FrozenRun, circuit: Circuit) -> Circuit | None:
    """Return a smaller circuit that still keeps the difference; None: there is none.

    Args:
        run: The model on the prompt, held still.
        circuit: A faithful one.
    """
    nodes = torch.as_tensor(circuit.kept).flatten().nonzero()[:, 0]
    effects = run.effects.abs().flatten().cpu()
    ranked = nodes[effects[nodes].argsort(stable=True)]
    for tried in torch.split(ranked, RANKED):
        alone = _dropping(circuit, [tried[n : n + 1] for n in range(len(tried))])
        shares = np.array([each.share for each in _measured(run, alone)])
        easiest = tried[torch.as_tensor(np.abs(shares - 1)).argsort(stable=True)]
        together = [easiest[:size] for size in STEPS if size < len(nodes)]
        found = _measured(run, _dropping(circuit, together)) if together else []
        for smaller in reversed(found):
            if smaller.is_faithful:
                return smaller
    return None


def find_circuit(run: FrozenRun) -> Circuit:
    """Search a circuit: the largest effects, and then without all that can go.

    Args:
        run: The model on the prompt, held still.

    Source: Conmy et al. 2023, arXiv:2304.14997.
    """
    circuit = first_candidate(run)
    while (smaller := without_the_least(run, circuit)) is not None:
        circuit = smaller
    return circuit


def circuit_of(
    model: TransformerLM, tokens: Sequence[int], rival: int, windows: Windows
) -> Circuit:
    """Return the circuit of a model's likeliest token after a prompt.

    Args:
        model: In evaluation mode.
        tokens: The prompt.
        rival: Why that token, rather than this one?
        windows: Texts whose means stand in for what is not in the circuit.

    Raises:
        DataError: If the rival is as likely.
    """
    means = mean_values(model, windows)
    asked = ask(model, tokens, means)._replace(rival=rival)
    whole_difference(model, asked)
    return find_circuit(freeze(model, asked, means))


def measured(run: FrozenRun, kept: Bool[Tensor, "part pos"]) -> Circuit:
    """Return what some nodes keep of the difference."""
    return _measured(run, kept[None])[0]


def _measured(run: FrozenRun, kept: Bool[Tensor, "batch part pos"]) -> list[Circuit]:
    """Measure several sets of nodes at once."""
    shares: Float[Tensor, " batch"] = (
        kept_differences(run.model, run.asked, run.means, kept) / run.difference
    )
    return [
        Circuit(each.numpy(), share)
        for each, share in zip(kept.cpu(), shares.tolist(), strict=True)
    ]


def _dropping(circuit: Circuit, dropped: list[Tensor]) -> Bool[Tensor, "set part pos"]:
    """Return the circuit without some nodes, once for each set of them."""
    kept = torch.as_tensor(circuit.kept).flatten().repeat(len(dropped), 1)
    for row, nodes in enumerate(dropped):
        kept[row, nodes] = False
    return kept.view(-1, *circuit.kept.shape)
