r"""Byte pair encoding, learned: again and again, join the most frequent pair.

    aaabdaaabac   the pair a a occurs most: call it Z
    ZabdZabac     Z a and a b both occur twice: the one with the smaller ids goes first

Done as written, each of thousands of steps would count all pairs of the text anew. Four
ideas make it fast and change no result:

1. Equal pretokens are one *word* with a count.
2. A merge changes only the words that have the pair: `holders` remembers which. It
   names a word once for each occurrence, and the merge looks at it once: a text without
   spaces is one word that has the pair a thousand times.
3. In such a word only the pairs beside the merged one change: their counts are
   corrected, never recounted.
4. The largest count is on top of a heap. Entries that have gone stale are corrected
   when they come up, not when they change.

And one trick of Python: a word is a `str` whose *characters are tokens* (`chr(id)`), so
that merging is `str.replace`, at the speed of C.

Source: Gage, 1994, "A New Algorithm for Data Compression"; Sennrich et al., 2016,
arXiv:1508.07909, algorithm 1.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One step of training: two tokens become one."""

    rank: int
    """Which step this is, from 0."""
    pair: tuple[bytes, bytes]
    """The bytes of the two tokens."""
    pair_ids: tuple[int, int]
    """Their ids."""
    token: int
    """The id of the new token."""
    piece: bytes
    """Its bytes: those of the pair, one after the other."""
    count: int
    """How often the pair occurred, before it was merged."""
    joined: int
    """How many of them became one token: all, unless they overlap, as in `aaa`."""


def learn_merges(
    word_counts: Mapping[str, int], alphabet: Mapping[int, bytes], first_token: int
) -> Iterator[MergeStep]:
    """Learn merges until no pair is left; the caller takes as many as it wants.

    Of equally frequent pairs, the one with the smaller ids (left, then right) is merged
    first, so the same text always gives the same merges. If two different pairs spell
    the same bytes (`a`+`aa` and `aa`+`a`), both get the same token.

    Args:
        word_counts: How often each word occurs; a word is a string of `chr(id)`.
        alphabet: The bytes of the tokens to start from.
        first_token: The id of the first new token; the others follow.

    Yields:
        Each merge, when it is made.
    """
    spellings = dict(alphabet)
    known = {piece: token for token, piece in alphabet.items()}
    words = _Words(word_counts)
    rank = 0
    while (found := words.most_frequent_pair()) is not None:
        pair, count = found
        left, right = ord(pair[0]), ord(pair[1])
        piece = spellings[left] + spellings[right]
        token = known.setdefault(piece, first_token)
        if token == first_token:
            spellings[token] = piece
            first_token += 1
        overlapping = words.merge(pair, chr(token))
        yield MergeStep(
            rank=rank,
            pair=(spellings[left], spellings[right]),
            pair_ids=(left, right),
            token=token,
            piece=piece,
            count=count,
            joined=count - overlapping,
        )
        rank += 1


class _Words:
    """The words of a text while they are merged, and the counts of their pairs."""

    def __init__(self, word_counts: Mapping[str, int]) -> None:
        self.words = [word for word in word_counts if len(word) > 1]
        self.counts = [word_counts[word] for word in self.words]
        self.pair_counts: defaultdict[str, int] = defaultdict(int)
        self.holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, (word, count) in enumerate(
            zip(self.words, self.counts, strict=True)
        ):
            for pair in map(str.__add__, word, word[1:]):
                self.pair_counts[pair] += count
                self.holders[pair].append(number)
        self.heap = [(-count, pair) for pair, count in self.pair_counts.items()]
        heapq.heapify(self.heap)

    def most_frequent_pair(self) -> tuple[str, int] | None:
        """Return the pair to merge and its count, or None if no pair is left."""
        while self.heap:
            negative, pair = self.heap[0]
            count = self.pair_counts.get(pair, 0)
            if count == -negative:
                return pair, count
            if count > 0:
                heapq.heapreplace(self.heap, (-count, pair))
            else:
                heapq.heappop(self.heap)
        return None

    def merge(self, pair: str, token: str) -> int:
        """Join the pair into the token, in every word that has it.

        Returns:
            How many occurrences were left because they overlap one that was joined.
        """
        grown: set[str] = set()
        twins, overlapping = pair[0] == pair[1], 0
        for number in set(self.holders.pop(pair)):
            word = self.words[number]
            if pair in word:  # or an earlier merge, or this loop, took it away
                self._recount(number, pair, token, grown)
                self.words[number] = word.replace(pair, token)
                if twins:
                    overlapping += self.counts[number] * _overlaps(word, pair)
        del self.pair_counts[pair]
        for pair in grown:
            heapq.heappush(self.heap, (-self.pair_counts[pair], pair))
        return overlapping

    def _recount(self, number: int, pair: str, token: str, grown: set[str]) -> None:
        """Correct the counts of the pairs beside each occurrence in one word."""
        word, count = self.words[number], self.counts[number]
        pair_counts, holders = self.pair_counts, self.holders
        end_of_last, start = 0, word.find(pair)
        while start >= 0:
            end = start + 2
            if start:
                merged_too = start == end_of_last
                before = word[start - 1]
                pair_counts[before + pair[0]] -= count
                fresh = (token if merged_too else before) + token
                pair_counts[fresh] += count
                holders[fresh].append(number)
                grown.add(fresh)
            end_of_last = end
            start = word.find(pair, end)
            # What follows, unless it is merged as well: then it counts as "before".
            if end < len(word) and start != end:
                after = word[end]
                pair_counts[pair[1] + after] -= count
                fresh = token + after
                pair_counts[fresh] += count
                holders[fresh].append(number)
                grown.add(fresh)


def _overlaps(word: str, pair: str) -> int:
    """Count the occurrences of a token beside itself that cannot be joined.

    >>> _overlaps("aaa-aaaaa", "aa")
    3
    """
    return sum(map(pair.__eq__, map(str.__add__, word, word[1:]))) - word.count(pair)
