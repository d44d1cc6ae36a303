"""Beginnings of texts that a model did not learn from, and what it expects after each.

The pages about writing begin with a prompt of the model's own kind of text. Where in a
text one stops reading decides what comes next: after some beginnings nothing is open,
after others nearly everything is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.opening import held_out_prompts
from minigpt.model import LanguageModel

SHORTEST = 4
"""Tokens in a beginning: after fewer, a text could be about anything."""


class Beginning(NamedTuple):
    """A prompt, and the model's next-token distribution after it."""

    prompt: str
    tokens: list[int]
    log_probs: Float[Tensor, " vocab"]
    """ln p of each next token, in nats."""

    @property
    def entropy(self) -> float:
        """How open the next token is: −Σ p ln p, in nats."""
        return float(torch.special.entr(self.log_probs.exp()).sum())

    def probability(self, token: int) -> float:
        """Return p of one next token."""
        return float(self.log_probs[token].exp())

    def likeliest(self, count: int) -> list[int]:
        """Return the likeliest next tokens, likeliest first."""
        found: list[int] = self.log_probs.topk(count).indices.tolist()
        return found

    def largest_at(self, temperature: float) -> float:
        """Return the likeliest token's probability at a temperature."""
        return float((self.log_probs / temperature).softmax(-1).max())

    def nucleus_size(self, share: float) -> int:
        """Return how many of the likeliest tokens it takes to reach a share."""
        likeliest_first = self.log_probs.exp().sort(descending=True).values
        return int((likeliest_first.cumsum(0) < share).sum()) + 1


@torch.inference_mode()
def read_beginning(model: LanguageModel, prompt: str, tokens: list[int]) -> Beginning:
    """Return what a model expects after one prompt.

    Args:
        model: Who reads.
        prompt: The text.
        tokens: The same as the model reads it.
    """
    logits = model(torch.tensor([tokens], device=model.device))[0, -1]
    return Beginning(prompt, tokens, logits.float().log_softmax(-1).cpu())


def beginnings(checkpoint: Checkpoint) -> Iterator[Beginning]:
    """Yield held-out texts, read up to each of their tokens; one run serves a text.

    A text's whole length comes first, then ever fewer tokens of it. Beginnings that
    the tokenizer would not read back as the same tokens are left out.

    Args:
        checkpoint: Model, tokenizer and metadata.
    """
    model, tokenizer, _ = checkpoint
    for _, tokens in held_out_prompts(checkpoint):
        with torch.inference_mode():
            logits = model(torch.tensor([tokens], device=model.device))[0]
            log_probs = logits.float().log_softmax(-1).cpu()  # [pos vocab]
        for length in range(len(tokens), min(SHORTEST, len(tokens)) - 1, -1):
            read = tokens[:length]
            prompt = tokenizer.decode(read)
            if tokenizer.encode(prompt) == read:
                yield Beginning(prompt, read, log_probs[length - 1])
