"""The window: a text may grow without end, but a model sees only its last part."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import CheckpointError
from minigpt.generation.fast_decoding import Decoder
from minigpt.generation.fast_sharing import shared_decoder
from minigpt.hooks import is_anything_watched
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.kv_cache import Cache


def run_modules(
    model: LanguageModel, new_tokens: Int[Tensor, "batch pos"], cache: Cache
) -> Float[Tensor, "batch vocab"]:
    """Run the model on new tokens and return the logits of what comes next.

    Every module and every hook takes part. The cache holds the keys and values of the
    earlier tokens, and gains those of the new ones. This is the definition of a step;
    `fast_decoding` computes the same numbers in another way.

    Args:
        model: Which model to run.
        new_tokens: The tokens that are not in the cache yet.
        cache: What the model read before.
    """
    logits: Tensor = model(new_tokens, cache)  # [batch pos vocab]
    return logits[:, -1].to(torch.float32)


class Window:
    """Feeds growing texts to a model, each token once, and returns the next logits.

    When the cache has no room for the next token, it is emptied and the last half of
    the window is read again, as if the text began there: from then on the model does
    not see what came before. (Sliding by one token instead would make every position
    wrong, or cost a full forward pass per token.)

    Args:
        model: Which model to run.
        batch_size: Number of texts, all of the same length.
        total_length: How long they may become, in tokens.
        watched: Always run the model's modules, never the fast decoder: for pages that
            show the source of the modules beside their numbers.
    """

    def __init__(
        self,
        model: LanguageModel,
        batch_size: int,
        total_length: int,
        *,
        watched: bool = False,
    ) -> None:
        self.model = model
        self.limit = model.config.max_seq_len
        self.cache = model.new_cache(batch_size, min(total_length, self.limit))
        self.forgot = 0
        """Tokens at the beginning of the texts that the model no longer sees."""
        self._read = 0
        self._can_decode = not watched and Decoder.knows(model)
        self._decoder: Decoder | None = None
        self._total_length = total_length

    @property
    def decodes_fast(self) -> bool:
        """Whether tokens after the first come from the fast decoder."""
        return self._decoder is not None

    def threads(self) -> AbstractContextManager[object]:
        """Limit the threads while one token is computed: see `Decoder.threads`."""
        return nullcontext() if self._decoder is None else self._decoder.threads()

    def next_logits(
        self, tokens: Int[Tensor, "batch pos"]
    ) -> Float[Tensor, "batch vocab"]:
        """Read what is new in the texts and return the logits of the next token.

        Args:
            tokens: All tokens so far; only those that are new cost time.
        """
        new = tokens[:, self._read :]
        if self.cache.length + new.shape[1] > self.limit:
            kept = max(1, self.limit // 2)
            self.cache.truncate(0)
            self.forgot = tokens.shape[1] - kept
            new = tokens[:, -kept:]
        self._read = tokens.shape[1]
        step = self._decode_fast if self._may_decode_fast(new) else run_modules
        return step(self.model, new, self.cache)

    def _may_decode_fast(self, new: Int[Tensor, "batch pos"]) -> bool:
        """Whether there is one new token per text, and nobody watches the modules."""
        if new.shape[1] > 1 or self.model.training or not self._can_decode:
            return False
        return not (is_anything_watched() or torch.is_grad_enabled())

    def _decode_fast(
        self, model: LanguageModel, new_tokens: Int[Tensor, "batch 1"], cache: Cache
    ) -> Float[Tensor, "batch vocab"]:
        if self._decoder is None:
            remaining = self._total_length - self._read
            self._decoder = shared_decoder(
                cast(TransformerLM, model), len(new_tokens), remaining
            )
        newest = new_tokens.numpy()[:, 0]
        return torch.from_numpy(self._decoder.next_logits(newest, cache))


def require_numbers(score: float) -> None:
    """Check a score that any NaN or infinity among the logits would have spoilt.

    Raises:
        CheckpointError: If it is not a number.
    """
    if not math.isfinite(score):
        raise CheckpointError(
            f"The model's scores are not numbers ({score}): its training diverged. "
            "Use an earlier checkpoint, or train with a smaller learning rate."
        )
