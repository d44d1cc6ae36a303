"""Many words merged together: each step joins one pair in every word that is left.

Unlike `merging`, which takes one word after the other: a long text begins
with thousands of words never seen before, and NumPy looks at the pairs of all of them
at once. A word is a row of token ids; the shorter ones end in empty places.

    l o w e r        lo w e r       low e r
    l o w ∅ ∅   →    lo w ∅ ∅   →   low ∅ ∅
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

EMPTY = -1
_NEVER = np.iinfo(np.int64).max


class MergeArrays:
    """The merges of a tokenizer, as sorted arrays.

    Args:
        alphabet: The id of each of the 256 bytes.
        pairs: The ids of the two tokens of each merge, in the order of the merges.
        tokens: What each pair becomes.
        vocab_size: Ids are smaller than this.
    """

    def __init__(
        self,
        alphabet: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        tokens: Sequence[int],
        vocab_size: int,
    ) -> None:
        self._alphabet = np.array(alphabet, np.int64)
        self._base = vocab_size
        keys = np.array([left * vocab_size + right for left, right in pairs], np.int64)
        order = np.argsort(keys)
        # One key more than there are, so that every search ends at a place.
        self._keys = np.append(keys[order], _NEVER)
        self._ranks = np.append(order, _NEVER)
        self._tokens = np.append(np.array(tokens, np.int64)[order], EMPTY)

    def apply(self, words: Sequence[bytes]) -> list[tuple[int, ...]]:
        """Join pairs in each word, the lowest rank first and the leftmost of equals.

        Args:
            words: None empty. Words of about one length waste no places.

        Returns:
            The tokens of each word.
        """
        merged: list[tuple[int, ...]] = [()] * len(words)
        rows = np.arange(len(words))
        tokens = self._as_rows(words)
        places = self._places(tokens[:, :-1], tokens[:, 1:])  # [word pair]
        while len(rows):
            ranks = self._ranks[places]
            best = ranks.argmin(axis=1)
            goes_on = ranks[np.arange(len(rows)), best] < _NEVER
            for row, finished in zip(
                rows[~goes_on].tolist(), tokens[~goes_on].tolist(), strict=True
            ):
                merged[row] = tuple(finished[: finished.index(EMPTY)])
            rows, best = rows[goes_on], best[goes_on]
            tokens, places = self._join(tokens[goes_on], places[goes_on], best)
        return merged

    def _as_rows(self, words: Sequence[bytes]) -> Int[np.ndarray, "word pos"]:
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        # A place more than the longest needs: every row ends with an empty one.
        shape = len(words), lengths.max(initial=0) + 1
        rows = np.full(shape, EMPTY, np.int64)
        letters = np.frombuffer(b"".join(words), np.uint8)
        rows[np.arange(shape[1]) < lengths[:, None]] = self._alphabet[letters]
        return rows

    def _places(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Find pairs among the merges; what was never learned has the last place."""
        keys = np.where(right == EMPTY, EMPTY, left * self._base + right)
        places = np.searchsorted(self._keys, keys)
        return np.where(self._keys[places] == keys, places, len(self._keys) - 1)

    def _join(
        self,
        tokens: Int[np.ndarray, "word pos"],
        places: Int[np.ndarray, "word pair"],
        best: Int[np.ndarray, " word"],
    ) -> tuple[Int[np.ndarray, "word pos-1"], Int[np.ndarray, "word pair-1"]]:
        """Join one pair of each word, and move what stands behind it to the left.

        Every word has one token less then, so one place less is enough. Only the pairs
        on both sides of the new token are new.
        """
        here = np.arange(len(tokens))
        stays = np.arange(tokens.shape[1] - 1) <= best[:, None]
        shorter = np.where(stays, tokens[:, :-1], tokens[:, 1:])
        shorter[here, best] = self._tokens[places[here, best]]
        places = np.where(stays[:, :-1], places[:, :-1], places[:, 1:])
        behind = np.minimum(best, places.shape[1] - 1)
        before = np.maximum(best - 1, 0)
        places[here, behind] = self._places(
            shorter[here, behind], shorter[here, behind + 1]
        )
        places[here, before] = self._places(
            shorter[here, before], shorter[here, before + 1]
        )
        return shorter, places
