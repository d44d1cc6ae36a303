"""A model reads a text, and what it expected at each token is kept.

Unlike `prompt` this asks nothing of the model's insides: it holds for an MLP too. Next:
`minigpt.interpret.differences.comparison`, which sets two such readings side by side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from minigpt.errors import DataError
from minigpt.model import LanguageModel
from minigpt.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class TextReading:
    """What one model expected at each token of a text."""

    tokens: list[int]
    log_probs: Float[np.ndarray, "pos vocab"]
    """Nats, of what comes *after* each position."""

    @property
    def losses(self) -> Float[np.ndarray, "pos"]:
        """Nats per token; not-a-number for the first, which nothing predicts."""
        came = self.log_probs[np.arange(len(self.tokens) - 1), self.tokens[1:]]
        return np.concatenate([[np.nan], -came])

    def expected(self, position: int, count: int) -> tuple[list[int], list[float]]:
        """Return the likeliest tokens at a position, seen from the one before.

        Args:
            position: From 1 on.
            count: How many.

        Returns:
            Ids, likeliest first, and their probabilities.
        """
        row = self.log_probs[position - 1]
        best = np.argsort(-row, kind="stable")[:count]
        return best.tolist(), np.exp(row[best]).tolist()


def read_text(model: LanguageModel, tokenizer: Tokenizer, text: str) -> TextReading:
    """Let a model read a text, and keep what it expected next at each token.

    Raises:
        DataError: If the text has no token, or more than the model reads at once.
    """
    tokens = tokenizer.encode(text)
    longest = model.config.max_seq_len
    if not tokens:
        raise DataError("The text is empty: type at least two words.")
    if len(tokens) > longest:
        raise DataError(
            f"The text has {len(tokens)} tokens, and one of the models reads at most "
            f"{longest} at once: shorten it by {len(tokens) - longest}."
        )
    return read_tokens(model, tokens)


@torch.inference_mode()
def read_tokens(model: LanguageModel, tokens: list[int]) -> TextReading:
    """Let a model read a row of tokens, and keep what it expected next at each.

    Args:
        model: Reads at least as many.
        tokens: One or more ids.
    """
    logits = model(torch.tensor([tokens], device=model.device))[0]
    return TextReading(tokens, logits.float().log_softmax(-1).cpu().numpy())
