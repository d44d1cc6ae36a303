"""The cache: what generation keeps, so that each new token costs one position.

A model writes its keys and values (or embeddings) at the next free place and reads
all so far. The cache is an argument of `forward`, never a part of the model: many
generations can use one model at once.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import DataError


class Cache:
    """Buffers of fixed size, filled from the left, one row per text of the batch.

    Args:
        buffers: Tensors [batch … max_len width], positions in the last axis but one.
    """

    def __init__(self, buffers: list[Tensor]) -> None:
        self.buffers = buffers
        self.length = 0
        """Positions filled so far."""

    @property
    def max_len(self) -> int:
        """Positions there is room for."""
        return self.buffers[0].shape[-2]

    @property
    def batch_size(self) -> int:
        """Number of texts."""
        return self.buffers[0].shape[0]

    def append(
        self, buffer: int, values: Float[Tensor, "batch *axes pos width"]
    ) -> Float[Tensor, "batch *axes k_pos width"]:
        """Write new positions into one buffer and return all it holds, as a view.

        The length moves only with `advance`: every layer appends at the same place.
        """
        end = self.length + values.shape[-2]
        self.buffers[buffer][..., self.length : end, :] = values
        return self.buffers[buffer][..., :end, :]

    @property
    def layers(self) -> list["LayerCache"]:
        """Each layer's keys and values."""
        return [LayerCache(self, number) for number in range(len(self.buffers) // 2)]

    def require(self, batch_size: int, new_positions: int) -> None:
        """Check that the next positions fit.

        Raises:
            DataError: If the cache is full, or was made for another batch size.
        """
        if batch_size != self.batch_size:
            raise DataError(
                f"The cache holds {self.batch_size} texts and was given {batch_size}: "
                "make one with model.new_cache(batch_size)."
            )
        if self.length + new_positions > self.max_len:
            raise DataError(
                f"The cache holds {self.length} of {self.max_len} tokens and cannot "
                f"take {new_positions} more: begin anew with a shorter text."
            )

    def advance(self, new_positions: int) -> None:
        """Count positions that every layer has appended. The model calls this."""
        self.length += new_positions

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        self.length = min(self.length, length)

    def reorder(self, rows: Int[Tensor, " new_batch"], start: int = 0) -> None:
        """Make row i a copy of what row `rows[i]` was; may change the batch size.

        Args:
            rows: A row for each text from now on.
            start: So many first positions are the same in all rows, and stay.
        """
        has_new_size = len(rows) != self.batch_size
        start = 0 if has_new_size else start
        for number, buffer in enumerate(self.buffers):
            filled = buffer.narrow(-2, start, self.length - start)
            chosen = filled.index_select(0, rows)
            if has_new_size:
                buffer = buffer.new_zeros((len(rows), *buffer.shape[1:]))
                self.buffers[number] = buffer
                filled = buffer.narrow(-2, 0, self.length)
            filled.copy_(chosen)


class LayerCache:
    """One layer's part of a cache: its keys, and its values."""

    def __init__(self, cache: Cache, layer: int) -> None:
        self._cache, self._layer = cache, layer

    @property
    def length(self) -> int:
        """Positions filled by earlier calls of the model."""
        return self._cache.length

    def append(
        self,
        keys: Float[Tensor, "batch kv_head pos d_head"],
        values: Float[Tensor, "batch kv_head pos d_head"],
    ) -> tuple[
        Float[Tensor, "batch kv_head k_pos d_head"],
        Float[Tensor, "batch kv_head k_pos d_head"],
    ]:
        """Write those of new positions, and return those of all so far, as views."""
        first = 2 * self._layer
        return self._cache.append(first, keys), self._cache.append(first + 1, values)


def allocate(count: int, shape: tuple[int, ...], like: Tensor) -> Cache:
    """Make an empty cache of `count` buffers, on the device and in the type of `like`.

    Made outside inference mode, so that it can be used within it and without.
    """
    with torch.inference_mode(mode=False):
        return Cache(
            [
                torch.zeros(shape, device=like.device, dtype=like.dtype)
                for _ in range(count)
            ]
        )
