"""A training of byte pairs, kept: every step can be looked at again, in any order.

`byte_pair.training` makes the merges and forgets how it came to them. Here stand the
words they were learned from, so that after any number of merges one can ask how long
the text was and which pairs were there to choose from.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from minigpt.tokenizers.base import PAD_ID
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer
from minigpt.tokenizers.byte_pair.training import MergeStep
from minigpt.tokenizers.byte_pair.word_counts import word_counts

_BETWEEN = chr(PAD_ID)  # no text contains this token, so no merge crosses words


@dataclass(frozen=True, slots=True)
class PairCount:
    """Two tokens that stand side by side, and how often."""

    pair: tuple[bytes, bytes]
    """Their bytes."""
    ids: tuple[int, int]
    count: int
    """Occurrences in the text."""


class PairCounts(NamedTuple):
    """What there is to merge."""

    top: list[PairCount]
    """The most frequent pairs, in the order in which they would be merged."""
    tied: int
    """How many pairs occur as often as the first."""
    distinct: int
    """How many different pairs there are."""


class MergeHistory:
    """What a byte pair tokenizer learned, step by step, and from what.

    >>> history = MergeHistory.learn("aaabdaaabac", vocab_size=263)
    >>> history.token_counts
    [11, 9, 7, 5]
    >>> history.pairs(1).top[0]
    PairCount(pair=(b'a', b'b'), ids=(68, 69), count=2)

    Readers may share one: it is read-only but for a text kept between two calls.

    Args:
        words: How often each word occurs: what `byte_pair.word_counts` returned.
        steps: The merges learned from them, in order.
    """

    def __init__(self, words: Mapping[str, int], steps: Sequence[MergeStep]) -> None:
        self.steps = tuple(steps)
        self._counts = tuple(words.values())
        self._start = _BETWEEN.join(words)
        self._last = (0, self._start)

    @classmethod
    def learn(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        on_step: Callable[[MergeStep], None] | None = None,
    ) -> "MergeHistory":
        """Train on texts, and keep what happens.

        Args:
            texts: One text, or several.
            vocab_size: As for `BPETokenizer`.
            on_step: Called after each merge, for instance to show progress.

        Raises:
            DataError: If there is no text, or it is not text.
            ConfigError: If `vocab_size` is out of range.
        """
        tokenizer = BPETokenizer(vocab_size)
        words = word_counts(texts)
        steps = []
        for step in tokenizer.steps_on(words):
            steps.append(step)
            if on_step is not None:
                on_step(step)
        return cls(words, steps)

    @cached_property
    def tokenizer(self) -> BPETokenizer:
        """The tokenizer that all the merges make."""
        return BPETokenizer.from_merges(step.pair for step in self.steps)

    @cached_property
    def token_counts(self) -> list[int]:
        """Tokens of the whole text after 0, 1, 2 … merges; the first are its bytes."""
        words = self._start.split(_BETWEEN)
        start = sum(map(int.__mul__, map(len, words), self._counts))
        joined = (step.joined for step in self.steps)
        return list(accumulate(joined, int.__sub__, initial=start))

    def pairs(self, merges: int, shown: int = 8) -> PairCounts:
        """Count the pairs of the text as it stood after so many merges.

        Args:
            merges: How many were made, 0 to all.
            shown: How many of the most frequent pairs to return.
        """
        counts: Counter[str] = Counter()
        words = self._text_after(merges).split(_BETWEEN)
        for word, times in zip(words, self._counts, strict=True):
            for pair in map(str.__add__, word, word[1:]):
                counts[pair] += times
        best = heapq.nsmallest(shown, counts.items(), key=lambda p: (-p[1], p[0]))
        bytes_of = self.tokenizer.token_bytes
        top = []
        for pair, count in best:
            left, right = map(ord, pair)
            ids = (left, right)
            top.append(PairCount((bytes_of(left), bytes_of(right)), ids, count))
        most = top[0].count if top else 0
        tied = sum(count == most for count in counts.values())
        return PairCounts(top, tied, len(counts))

    def _text_after(self, merges: int) -> str:
        """Return each word once, after so many merges, a character per token.

        The last answer is kept: a step forward is then one replacement.
        """
        done, text = self._last
        if done > merges:
            done, text = 0, self._start
        for step in self.steps[done:merges]:
            left, right = step.pair_ids
            text = text.replace(chr(left) + chr(right), chr(step.token))
        self._last = (merges, text)
        return text
