"""A shuffled order of very many things, computed place by place and never stored.

A list of a billion places in random order would take 8 GB. A *Feistel network* needs
none: it cuts a number's bits in two halves and stirs one into the other, a few times.

    left, right = right, left ⊕ stir(right)

Whatever `stir` does, a round can be undone, so different numbers stay different: it is
a shuffle of 0 … 4^h − 1, for halves of h bits. What falls beyond the count is sent
through again, until it falls within; so it is a shuffle of 0 … count − 1.

Source: Luby & Rackoff 1988, "How to construct pseudorandom permutations"; sending
through again: Black & Rogaway 2002, "Ciphers with arbitrary finite domains", section 3;
`stir`: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
"""

from typing import Final

import numpy as np
from jaxtyping import Int

LISTED: Final = 1 << 20
"""Up to so many things, a list of their order costs little."""

_ROUNDS = 6
# Odd numbers whose products spread a change of one bit over all bits: splitmix64's.
_SPREAD = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


class Scattered:
    """A random order of 0 … count − 1, which `order[places]` looks up.

    Args:
        count: How many things.
        random: Where the order comes from.
    """

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self.count = count
        self._half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
        self._mask = (np.uint64(1) << self._half) - np.uint64(1)
        self._keys = random.integers(2**64, size=_ROUNDS, dtype=np.uint64)

    def __getitem__(self, places: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        numbers = self._stirred(places.astype(np.uint64))
        while (beyond := numbers >= self.count).any():
            numbers[beyond] = self._stirred(numbers[beyond])
        return numbers.astype(np.int64)

    def _stirred(self, numbers: np.ndarray) -> np.ndarray:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (_stir(right, key) & self._mask)
        return (left << self._half) | right


def random_order(
    count: int, random: np.random.Generator
) -> Int[np.ndarray, " count"] | Scattered:
    """Return a random order of 0 … count − 1: of few a list, of many a `Scattered`.

    Args:
        count: How many things.
        random: Where the order comes from.
    """
    return random.permutation(count) if count <= LISTED else Scattered(count, random)


def _stir(numbers: np.ndarray, key: np.uint64) -> np.ndarray:
    """Mix numbers with a key so that every bit depends on every bit: splitmix64."""
    mixed = numbers + key
    for shift, spread in zip((30, 27), _SPREAD, strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(spread)
    return mixed ^ (mixed >> np.uint64(31))
