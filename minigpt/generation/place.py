"""Where the new tokens of several texts stand in the cache, and what each may read.

    text 0   t t t t N . .      N  the new token, at a position of its own
    text 1   t N . . . . .      .  behind the end: no text's yet, or another's of before
    text 2   t t t t t t N

Texts of one length need none of this; `fast_decoding` serves both by it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

Array = np.ndarray


class Place(NamedTuple):
    """Where the new tokens stand: all texts' at one position, or each at its own."""

    rows: slice | Array
    """Rows of the cache: all at once, or the number of each."""
    position: int | Array
    """Of the new token."""
    seen: int
    """Positions that the longest text has by now."""
    behind: Array | None = None
    """[batch 1 1 pos]: −∞ behind the end of a shorter text, else 0; None: no text is
    shorter."""

    @classmethod
    def of_each(cls, lengths: Int[np.ndarray, " batch"]) -> "Place":
        """Return the place of texts that are so long, the new token not counted."""
        seen = int(lengths.max()) + 1
        is_behind = np.arange(seen) > lengths[:, None]
        behind = np.where(is_behind, np.float32(-np.inf), np.float32(0))
        return cls(np.arange(len(lengths)), lengths, seen, behind[:, None, None])

    def outside(self, window: int | None) -> Array | None:
        """Return −∞ where a token lies before its text's window, else 0.

        Args:
            window: How many tokens each new one reads, itself included (none: all).

        Returns:
            [batch 1 1 pos], or one row for all texts; None: every token is inside.
        """
        if window is None or self.seen <= window:
            return None
        distance = np.reshape(self.position, (-1, 1, 1, 1)) - np.arange(self.seen)
        return np.where(distance < window, np.float32(0), np.float32(-np.inf))

    def bias(self, by_distance: Array) -> Array:
        """Pick what is added to the scores: of each text, by its own distances.

        Args:
            by_distance: [kv_head group pos], farthest key first.
        """
        if isinstance(self.position, int):
            return by_distance[..., -self.seen :]
        nearest = by_distance.shape[-1] - 1
        steps = nearest - self.position[:, None] + np.arange(self.seen)
        return np.moveaxis(by_distance[..., steps.clip(max=nearest)], 2, 0)
