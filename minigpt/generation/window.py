"""The window: a text may grow without end, what the model sees of it may not."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import CheckpointError
from minigpt.generation.fast_decoding import Decoder
from minigpt.hooks import is_anything_watched
from minigpt.model import LanguageModel, TransformerLM

WORTH_COPIES = 32
"""Tokens still to be written from which on turned copies of the weights pay."""


class Window:
    """Reads growing texts, each token once, and says what comes next.

    When the cache has no room for the next token, it is emptied and the last half of
    the window is read again, as if the text began there: from then on the model does
    not know what came before. (Sliding by one token instead would make every position
    wrong, or cost a full reading per token.)

    Args:
        model: Who reads.
        batch_size: Number of texts, all of one length.
        total_length: How long they may become, in tokens.
    """

    def __init__(
        self, model: LanguageModel, batch_size: int, total_length: int
    ) -> None:
        self.model = model
        self.limit = model.config.max_seq_len
        self.cache = model.new_cache(batch_size, min(total_length, self.limit))
        self.forgot = 0
        """Tokens at the beginning of the texts that the model no longer sees."""
        self._read = 0
        self._can_decode = Decoder.knows(model)
        self._decoder: Decoder | None = None
        self._total_length = total_length

    def threads(self) -> AbstractContextManager[object]:
        """Set the threads for one token and its choice: see `Decoder.threads`."""
        return nullcontext() if self._decoder is None else self._decoder.threads()

    def next_logits(
        self, texts: Int[Tensor, "batch pos"]
    ) -> Float[Tensor, "batch vocab"]:
        """Read what is new in the texts and score every next token.

        Args:
            texts: All tokens so far; only those that were not read before cost time.
        """
        new = texts[:, self._read :]
        if self.cache.length + new.shape[1] > self.limit:
            kept = max(1, self.limit // 2)
            self.cache.truncate(0)
            self.forgot = texts.shape[1] - kept
            new = texts[:, -kept:]
        self._read = texts.shape[1]
        if self._is_quick(new):
            decoder = self._decoder_for(len(new))
            return torch.from_numpy(decoder.next_logits(new[:, 0].numpy(), self.cache))
        logits: Tensor = self.model(new, self.cache)
        return logits[:, -1].to(torch.float32)

    def _is_quick(self, new: Int[Tensor, "batch pos"]) -> bool:
        """Whether the decoder may read on: one token, and nobody looks inside."""
        if new.shape[1] > 1 or self.model.training or not self._can_decode:
            return False
        return not (is_anything_watched() or torch.is_grad_enabled())

    def _decoder_for(self, num_texts: int) -> Decoder:
        if self._decoder is None:
            model = cast(TransformerLM, self.model)
            remaining = self._total_length - self._read
            self._decoder = Decoder(model, num_texts, remaining >= WORTH_COPIES)
        return self._decoder


def require_numbers(score: float) -> None:
    """Check a score that no NaN or infinity among the logits would have left finite.

    Raises:
        CheckpointError: If it is not a number.
    """
    if not math.isfinite(score):
        raise CheckpointError(
            f"The model's scores are not numbers ({score}): its training diverged. "
            "Use an earlier checkpoint, or train with a smaller learning rate."
        )
