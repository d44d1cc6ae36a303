"""Byte pair encoding, applied: join the pair learned first, until none is left.

A word is a `str` whose characters are tokens (`chr(id)`), as in training.
"""

import heapq
from typing import NamedTuple

_NEVER = 1 << 60
_LONG = 128


class Merge(NamedTuple):
    """What becomes of a pair."""

    rank: int
    """Lower ranks are merged first."""
    token: str
    """What the pair becomes."""


class Ranks(dict[str, int]):
    """The rank of each pair; a pair that was never learned ranks behind all others."""

    def __missing__(self, pair: str) -> int:
        return _NEVER


class MergeTable:
    """The merges of a tokenizer, ready to be applied.

    Args:
        merges: The merge of each pair, a pair being a string of two tokens.
    """

    def __init__(self, merges: dict[str, Merge]) -> None:
        self._ranks = Ranks({pair: merge.rank for pair, merge in merges.items()})
        self._tokens = {pair: merge.token for pair, merge in merges.items()}

    def apply(self, word: str) -> str:
        """Join pairs, the lowest rank first and the leftmost of equals."""
        if len(word) > _LONG:
            return self.apply_to_long(word)
        rank = self._ranks.__getitem__
        while len(word) > 1:
            best = min(map(str.__add__, word, word[1:]), key=rank)
            token = self._tokens.get(best)
            if token is None:
                break
            word = word.replace(best, token, 1)
        return word

    def apply_to_long(self, word: str) -> str:
        """Do the same in n·log n steps: a text may be one word of a million letters.

        Tokens keep the place of their first letter; `after` and `before` link the
        places that are left, and a heap gives the next pair to join. An entry is stale
        if the tokens at its place are no longer the pair it was made for.
        """
        tokens: list[str] = list(word)
        end = len(tokens)
        after = list(range(1, end + 1))
        before = list(range(-1, end - 1))
        heap = [
            (self._ranks[pair], place, pair)
            for place, pair in enumerate(map(str.__add__, word, word[1:]))
            if pair in self._tokens
        ]
        heapq.heapify(heap)

        def offer(place: int) -> None:
            pair = tokens[place] + tokens[after[place]]
            if pair in self._tokens:
                heapq.heappush(heap, (self._ranks[pair], place, pair))

        while heap:
            _, place, pair = heapq.heappop(heap)
            gone = after[place]
            if gone == end or tokens[place] + tokens[gone] != pair:
                continue
            tokens[place], tokens[gone] = self._tokens[pair], ""
            after[place] = after[gone]
            if after[place] != end:
                before[after[place]] = place
                offer(place)
            if before[place] >= 0:
                offer(before[place])
        return "".join(tokens)
