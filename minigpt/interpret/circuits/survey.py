"""Circuits of many prompts: how often a small one holds, and whether effects do.

One prompt may be a lucky one. Over many, two numbers say what the method is worth on
this model: on how many prompts a small circuit keeps the difference, and how the
predicted effects of the parts go with those of taking each away.

Before: `proof`, one prompt. Next: the Intervene page, and `benchmarks/circuit.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minigpt.errors import DataError
from minigpt.interpret.circuits.frozen import freeze
from minigpt.interpret.circuits.keeping import ask, whole_difference
from minigpt.interpret.circuits.nodes import Means
from minigpt.interpret.circuits.proof import Removals, correlation, remove_each_part
from minigpt.interpret.circuits.search import Circuit, find_circuit
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class Trial:
    """One prompt's circuit, and what each part was predicted and found to do."""

    circuit: Circuit
    removals: Removals
    """Of the parts, each at all tokens together."""


@dataclass(frozen=True)
class Survey:
    """Several prompts."""

    trials: Sequence[Trial]

    @property
    def holding(self) -> float:
        """Share of prompts on which few nodes keep the difference."""
        return float(np.mean([trial.circuit.holds for trial in self.trials]))

    @property
    def median_size(self) -> float:
        """Share of all nodes that the middle circuit has."""
        return float(np.median([trial.circuit.of_all for trial in self.trials]))

    @property
    def predicted(self) -> Float[np.ndarray, "prompt part"]:
        """What each part was predicted to do, in logits."""
        return np.stack([trial.removals.predicted for trial in self.trials])

    @property
    def measured(self) -> Float[np.ndarray, "prompt part"]:
        """What taking each part away did."""
        return np.stack([trial.removals.measured for trial in self.trials])

    @property
    def mean_correlation(self) -> float:
        """Pearson's r of the parts' mean effects over all prompts."""
        return correlation(self.predicted.mean(0), self.measured.mean(0))

    @property
    def single_correlation(self) -> float:
        """Pearson's r of the effects of each part on each prompt."""
        return correlation(self.predicted.ravel(), self.measured.ravel())


def try_prompt(
    model: TransformerLM, tokens: Sequence[int], means: Means
) -> Trial | None:
    """Find one prompt's circuit, and take each part away.

    Args:
        model: In evaluation mode.
        tokens: The prompt; answer and rival are `keeping.ask`'s.
        means: What stands in for a node.

    Returns:
        None where the model prefers its answer by next to nothing.
    """
    asked = ask(model, tokens, means)
    try:
        whole_difference(model, asked)
    except DataError:
        return None
    run = freeze(model, asked, means)
    return Trial(find_circuit(run), remove_each_part(run))
