"""A text on its way: the tokens so far, and the logits of what may come next.

Before: a prompt. Next: filters choose among the logits, and the choice is appended.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import DataError
from minigpt.model import LanguageModel


class Continuation:
    """One text that grows token by token, at the cost of one position each.

    When the model's window is full, its older half is forgotten: the newer half is read
    again, and writing goes on. So a text can be of any length, at a steady cost, and
    each token is written knowing between half a window and a whole one.

    Args:
        model: Who reads.
        prompt: Ids to begin with, at least one.

    Raises:
        DataError: If the prompt is empty or longer than the model's window.
    """

    def __init__(self, model: LanguageModel, prompt: Sequence[int]) -> None:
        self.model = model
        self.window = model.config.max_seq_len
        require_room(prompt, self.window)
        self.tokens = list(prompt)
        self.cache = model.new_cache(1)
        self.logits = self._read(self.tokens)

    @property
    def previous(self) -> Int[Tensor, "1 pos"]:
        """The tokens so far."""
        return torch.tensor([self.tokens], device=self.model.device)

    def append(self, token: int) -> bool:
        """Add a token and compute the logits after it.

        Returns:
            Whether the older half of the window had to be forgotten.
        """
        self.tokens.append(token)
        if self.cache.length < self.window:
            self.logits = self._read([token])
            return False
        self.cache.truncate(0)
        self.logits = self._read(self.tokens[-max(1, self.window // 2) :])
        return True

    @torch.inference_mode()
    def _read(self, tokens: Sequence[int]) -> Float[Tensor, "1 vocab"]:
        batch = torch.tensor([tokens], device=self.model.device)
        return self.model(batch, self.cache)[:, -1].float()


def require_room(prompt: Sequence[int], window: int) -> None:
    """Check that a prompt can be read.

    Raises:
        DataError: If it is empty or longer than the window.
    """
    if not prompt:
        raise DataError("The prompt is empty: give at least one token.")
    if len(prompt) > window:
        raise DataError(
            f"The prompt is {len(prompt)} tokens long, and this model reads at most "
            f"max_seq_len = {window}: shorten it by {len(prompt) - window} tokens."
        )
