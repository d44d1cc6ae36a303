"""Byte pairs by hand: which pairs there are, and which are joined first.

Beside it: `minigpt.tokenizers.byte_pair`, which does the same in a fraction of the
time, and `minigpt.tokenizers.inspection`, which keeps what happens on the way.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from minigpt.tokenizers.byte_pair.pretokens import PATTERN, count_pretokens
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer


def pair_counts(text: str, tokenizer: BPETokenizer, shown: int) -> list[int]:
    """Count how often two tokens stand side by side in a text, the commonest first.

    Args:
        text: The training text.
        tokenizer: With the merges made so far.
        shown: How many of the counts to return.
    """
    pairs: Counter[tuple[int, int]] = Counter()
    for word, times in count_pretokens([text]).items():
        for pair in pairwise(tokenizer.encode(word)):
            pairs[pair] += times
    return [count for _, count in pairs.most_common(shown)]


def token_counts(text: str, vocab_size: int) -> list[int]:
    """Count the tokens of a text after 0, 1, 2 … merges learned from it.

    Args:
        text: The training text.
        vocab_size: Bytes, special tokens and merges together.
    """
    counts = [len(text.encode())]
    for step in BPETokenizer(vocab_size).training_steps(text):
        counts.append(counts[-1] - step.joined)
    return counts


def joins(text: str, merges: Sequence[tuple[bytes, bytes]]) -> list[list[int]]:
    """Encode a text by byte pairs, and list every join in the order of making.

    In each word, the pair that was learned first is joined first; of equals, the left.

    >>> joins("abab", [(b"a", b"b"), (b"ab", b"ab")])
    [[0, 2, 0], [2, 4, 0], [0, 4, 1]]

    Args:
        text: A few words.
        merges: The pairs that were learned, in order.

    Returns:
        For each join its first byte, the byte after its last, and its rank.
    """
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    found, start = [], 0
    for word in PATTERN.findall(text):
        row = [bytes([byte]) for byte in word.encode()]
        while True:
            pairs = enumerate(pairwise(row))
            known = [(ranks[pair], place) for place, pair in pairs if pair in ranks]
            if not known:
                break
            rank, place = min(known)
            begin = start + sum(map(len, row[:place]))
            row[place : place + 2] = [row[place] + row[place + 1]]
            found.append([begin, begin + len(row[place]), rank])
        start += len(word.encode())
    return found
