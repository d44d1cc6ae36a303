"""What the questions of Generation are about, computed once for each model."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.generation.cache_growth import grow_cache
from minigpt.interpret.openings.beginnings import beginnings
from minigpt.interpret.openings.generation import generation_opening
from minigpt.model import LanguageModel
from pages.frame.remember import remember

APART = 4
"""Every fourth beginning of the held-out texts is asked about."""

opening_of = remember(32, spinner="Looking for an open next token …")(
    generation_opening
)
"""The prompt after which the temperature matters most."""

growth_of = remember(16)(grow_cache)
"""A prompt's keys and values, read one token at a time."""


@dataclass(frozen=True)
class Expectation:
    """A prompt, and the distribution that a model gives for what comes next."""

    prompt: str
    tokens: list[int]
    probabilities: Float[Tensor, " vocab"]

    @property
    def likeliest_first(self) -> list[int]:
        """The four likeliest tokens."""
        found: list[int] = self.probabilities.topk(4).indices.tolist()
        return found

    def at_temperature(self, temperature: float) -> Float[Tensor, " vocab"]:
        """Return the distribution at another temperature than 1."""
        return (self.probabilities.log() / temperature).softmax(-1)

    def nucleus_size(self, share: float) -> int:
        """Return how many of the likeliest tokens it takes to reach a share."""
        sums = self.probabilities.sort(descending=True).values.cumsum(0)
        return int((sums < share).sum()) + 1


@remember(4, shared=True)
def expectations_of(checkpoint: Checkpoint) -> list[Expectation]:
    """Return what a model expects after other prompts: texts not learned from."""
    found = list(beginnings(checkpoint))[::APART]
    return [
        Expectation(each.prompt, each.tokens, each.log_probs.exp()) for each in found
    ]


@remember(32, shared=True)
def expectation(model: LanguageModel, prompt: str, tokens: list[int]) -> Expectation:
    """Return what a model expects after one prompt."""
    with torch.inference_mode():
        logits = model(torch.tensor([tokens], device=model.device))[0, -1]
    return Expectation(prompt, tokens, logits.float().softmax(-1).cpu())
