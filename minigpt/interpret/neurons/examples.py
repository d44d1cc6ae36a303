"""Where in a corpus a neuron fires most strongly, where less, and where by chance.

Before: `ranked_places`, which says why there are three kinds. Next: `output`, what the
neuron adds where it fires.

Source: Bills et al. 2023, "Language models can explain neurons in language models", for
strongest beside random examples.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from minigpt.interpret.corpora import Windows
from minigpt.interpret.interventions.parts import Neuron, require
from minigpt.interpret.ranked_places import ranked_places
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class NeuronExample:
    """One token in one window, and how the neuron fires there and before."""

    window: int
    position: int
    activations: Float[np.ndarray, " pos"]
    """At every token of the window."""

    @property
    def activation(self) -> float:
        """At the token itself."""
        return float(self.activations[self.position])


class NeuronExamples(NamedTuple):
    """What one neuron does in a corpus."""

    strongest: list[NeuronExample]
    """The windows with the largest activations, each at its largest."""
    deciles: list[NeuronExample]
    """From the middle of each tenth of all tokens, the highest tenth first."""
    random: list[NeuronExample]
    """Tokens that were drawn and not chosen."""
    firing: float
    """Share of all tokens at which the activation is above 0."""


@torch.inference_mode()
def neuron_examples(
    model: TransformerLM,
    windows: Windows,
    neuron: Neuron,
    count: int = 4,
    seed: int = 0,
) -> NeuronExamples:
    """Rank the tokens of a corpus by a neuron's activation, and draw random ones.

    Args:
        model: With MLPs.
        windows: The corpus.
        neuron: Whose activation: `mlp.hook_post`, after the non-linearity (and, in a
            gated MLP, times its gate).
        count: Examples of the first and the last kind, from as many windows.
        seed: Of the random sample.

    Raises:
        DataError: If the model has no such neuron.
    """
    require(neuron, model.config)
    name = f"blocks.{neuron.layer}.mlp.hook_post"
    tokens = torch.as_tensor(windows, device=model.device)
    _, cache = model.run_with_cache(tokens, name)
    fired = cache[name][..., neuron.neuron].float().cpu().numpy()

    def example(window: int, position: int) -> NeuronExample:
        return NeuronExample(window, position, fired[window])

    places = ranked_places(fired, count, seed)
    strongest, deciles, random = ([example(*at) for at in kind] for kind in places)
    return NeuronExamples(strongest, deciles, random, float((fired > 0).mean()))
