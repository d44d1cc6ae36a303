"""A row of tokens that lies in a file, of which only what is looked at is in memory."""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.errors import DataError

RESIDENT: Final = 1 << 26
"""Bytes of a row that may stay in memory, about."""

_AROUND = 1 << 16
"""Bytes that the system brings along with one that is looked at."""


def smallest_type(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """Return the type of number that holds every token in the fewest bytes.

    >>> smallest_type(256), smallest_type(257)
    (dtype('uint8'), dtype('uint16'))
    """
    return np.min_scalar_type(vocab_size - 1)


class TokenRow:
    """A file of tokens, memory-mapped: `row[start:end]`, `row[places]`, `len(row)`.

    What was looked at stays in memory as long as the system likes, and the system
    likes it long. So the map is let go now and then; the file's pages then belong to
    the system's cache alone, and come back quickly.

    Args:
        path: The file: numbers of one type, one after the other.
        kind: Their type.
        length: How many there must be.

    Raises:
        DataError: If the file is missing, or not of that length.
    """

    def __init__(
        self, path: Path, kind: np.dtype[np.unsignedinteger], length: int
    ) -> None:
        self.path, self.kind, self._length = path, np.dtype(kind), length
        # Kept open: who deletes the file does not disturb who reads it.
        self._file = self._opened()
        self._touched = 0
        self._map = self._mapped()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, places: slice | Int[Tensor, "*shape"]) -> Int[Tensor, "..."]:
        if isinstance(places, slice):
            found = self._map[places]
            self._touched += found.nbytes + _AROUND
        else:
            found = self._map[places.numpy()]
            # Windows lie in the last axis, one beside the other.
            stretches = places.numel() // max(1, places.shape[-1])
            self._touched += found.nbytes + stretches * _AROUND
        tokens = torch.from_numpy(found.astype(np.int64))
        if self._touched > RESIDENT:
            self._map, self._touched = self._mapped(), 0
        return tokens

    def _opened(self) -> BinaryIO:
        needed = self._length * self.kind.itemsize
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}.") from None
        if (size := os.fstat(file.fileno()).st_size) != needed:
            file.close()
            raise DataError(
                f"{self.path} has {size:,} bytes instead of {needed:,}: it is damaged."
            )
        return file

    def _mapped(self) -> np.ndarray:
        """Map the file into memory, read-only; the map before it is let go."""
        if not self._length:  # nothing cannot be mapped
            return np.zeros(0, self.kind)
        pages = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(pages, self.kind)


def as_row(
    tokens: Sequence[int] | Int[Tensor, " pos"] | np.ndarray | TokenRow,
) -> Int[Tensor, " pos"] | TokenRow:
    """Return tokens in the form that windows are cut from."""
    return tokens if isinstance(tokens, TokenRow) else torch.as_tensor(tokens)
