"""The cache, looked at: what it keeps, how large it is, and the time it saves.

    without   every new token sends the whole text through the model once more
    with      only the new token goes through; keys and values of the others are kept

Beside it: `minigpt.model.kv_cache`, the cache itself, and `window`, which uses it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.generation.window import run_modules
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.kv_cache import Cache


@dataclass(frozen=True)
class CacheGrowth:
    """A cache after a text was read into it, token by token."""

    keys: Float[np.ndarray, "layer kv_head pos d_head"]
    """As they are kept: with RoPE, already turned."""
    values: Float[np.ndarray, "layer kv_head pos d_head"]
    bytes_per_number: int
    num_bytes: int
    """Size of all that is kept of this text, in the cache's own tensors."""
    difference: float
    """Largest difference of a logit with the cache from the same logit without."""

    @property
    def bytes_per_token(self) -> int:
        """What each further token adds."""
        return self.num_bytes // self.keys.shape[2]


@torch.inference_mode()
def grow_cache(model: LanguageModel, tokens: Sequence[int]) -> CacheGrowth:
    """Read a text into a cache as generation does, one token at a time.

    Args:
        model: A transformer.
        tokens: The text, at least one token.

    Raises:
        DataError: If the model has no keys and values to keep.
    """
    if not isinstance(model, TransformerLM):
        raise DataError(
            "An MLP has no keys and values to keep. Choose a transformer to see them."
        )
    read = torch.tensor([list(tokens)], device=model.device)
    cache = model.new_cache(1, len(tokens))
    steps = [
        run_modules(model, read[:, [place]], cache) for place in range(len(tokens))
    ]
    without = model(read)[0].float()
    kept = [_filled(buffer, cache) for buffer in cache.buffers]
    layers = 2 * model.config.num_layers
    return CacheGrowth(
        keys=torch.cat(kept[0:layers:2]).float().cpu().numpy(),
        values=torch.cat(kept[1:layers:2]).float().cpu().numpy(),
        bytes_per_number=kept[0].element_size(),
        num_bytes=sum(each.numel() * each.element_size() for each in kept),
        difference=float((torch.cat(steps) - without).abs().max()),
    )


def _filled(buffer: Tensor, cache: Cache) -> Tensor:
    """Return the part of a buffer that holds positions."""
    return buffer.narrow(-2, 0, cache.length)


def positions_through_the_model(prompt: int, written: int, *, cached: bool) -> int:
    """Count how often a token goes through the layers while a text is written.

    >>> positions_through_the_model(8, 3, cached=False)  # 8 + 9 + 10
    27
    >>> positions_through_the_model(8, 3, cached=True)  # 8, then 1 + 1
    10

    Args:
        prompt: Tokens of the prompt.
        written: Tokens written after it, one by one.
        cached: Whether keys and values are kept.
    """
    if cached:
        return prompt + written - 1
    return sum(range(prompt, prompt + written))


@dataclass(frozen=True)
class StepTime:
    """How long the next token takes after a text of some length."""

    length: int
    """Tokens of the text, the newest included."""
    with_cache: float
    """Milliseconds, the median of several runs: the newest token alone is read."""
    without: float
    """Likewise: the whole text is read."""


def lengths_to_time(longest: int, count: int) -> list[int]:
    """Return lengths from 1 to the longest, equally far apart.

    >>> lengths_to_time(9, 5)
    [1, 3, 5, 7, 9]
    """
    return sorted({int(each) for each in np.linspace(1, longest, count)})


def time_steps(
    model: LanguageModel, lengths: Sequence[int], repeats: int
) -> Iterator[StepTime]:
    """Measure the next token's time at several lengths, with the cache and without.

    Both ways run the same modules. Which tokens stand in the text makes no difference
    to the time.

    Args:
        model: Who writes.
        lengths: Of the texts, in tokens; at most the model's window.
        repeats: Runs of each way, taken in turns; their median counts.
    """
    for length in lengths:
        yield _time_step(model, length, repeats)


@torch.inference_mode()
def _time_step(model: LanguageModel, length: int, repeats: int) -> StepTime:
    text = torch.arange(length, device=model.device)[None] % model.config.vocab_size
    cache = model.new_cache(1, length)
    if length > 1:
        model(text[:, :-1], cache)

    def read_newest() -> Tensor:
        cache.truncate(length - 1)
        return run_modules(model, text[:, -1:], cache)

    # The first run finds nothing in the processor's own caches: it does not count.
    times = [
        (_milliseconds(read_newest), _milliseconds(lambda: model(text)))
        for _ in range(repeats + 1)
    ][1:]
    cached, uncached = zip(*times, strict=True)
    return StepTime(length, median(cached), median(uncached))


def _milliseconds(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)
