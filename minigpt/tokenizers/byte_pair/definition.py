"""Byte pair encoding as a textbook defines it: short, plain and slow.

`train` learns which pairs of neighbouring pieces to join, `encode` joins them in a new
text, and `decode` turns tokens back into text. The modules that come next do the same
in a fraction of the time, and tests hold them to this one: `training` to `train`,
`merging` and `fast_batches` to `encode`.

Source: Sennrich et al., 2016, arXiv:1508.07909, algorithm 1; for bytes instead of
characters: Radford et al., 2019 (GPT-2), section 2.2.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from minigpt.tokenizers.byte_pair.pretokens import count_pretokens, pretokens
from minigpt.tokenizers.byte_pair.printable import BYTE_ORDER

Pair = tuple[bytes, bytes]


def train(texts: Iterable[str], num_merges: int) -> list[Pair]:
    """Count all pairs of neighbours, join the most frequent pair, and start over.

    Of equally frequent pairs, the one with the smaller token ids (left, then right) is
    joined. Wikipedia's example:

        a a a b d a a a b a c    11 bytes; a a occurs most often, 4 times
        aa a b d aa a b a c      a b and aa a occur twice; a b has the smaller ids
        aa ab d aa ab a c        aa ab occurs twice
        aaab d aaab a c          5 pieces are left

    >>> train(["aaabdaaabac"], num_merges=3)
    [(b'a', b'a'), (b'a', b'b'), (b'aa', b'ab')]

    Args:
        texts: What to learn from. No pair crosses from one word into the next.
        num_merges: How many merges to learn; a short text gives fewer.

    Returns:
        The pairs, in the order in which they were joined.
    """
    word_counts = count_pretokens(texts)
    words = {word: split_into_bytes(word) for word in word_counts}
    merges: list[Pair] = []
    while len(merges) < num_merges:
        pair_counts: Counter[Pair] = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                pair_counts[pair] += word_counts[word]
        if not pair_counts:
            break
        ids = {piece: token for token, piece in enumerate(vocabulary(merges))}
        order = {p: (-n, ids[p[0]], ids[p[1]]) for p, n in pair_counts.items()}
        best = min(order, key=order.__getitem__)
        words = {word: join_all(pieces, best) for word, pieces in words.items()}
        merges.append(best)
    return merges


def join_all(pieces: list[bytes], pair: Pair) -> list[bytes]:
    """Join every occurrence of a pair, from left to right.

    >>> join_all([b"a", b"a", b"a", b"b"], (b"a", b"a"))
    [b'aa', b'a', b'b']
    """
    joined: list[bytes] = []
    place = 0
    while place < len(pieces):
        size = 2 if tuple(pieces[place : place + 2]) == pair else 1
        joined.append(b"".join(pieces[place : place + size]))
        place += size
    return joined


def encode(text: str, merges: Sequence[Pair]) -> list[int]:
    """In each word, join the pair that was learned first until no known pair is left.

    >>> merges = train(["aaabdaaabac"], num_merges=3)
    >>> tokens = encode("aaabdaaabac", merges)
    >>> [vocabulary(merges)[token] for token in tokens]
    [b'aaab', b'd', b'aaab', b'a', b'c']
    >>> decode(tokens, merges)
    'aaabdaaabac'

    Returns:
        Token ids: places in `vocabulary(merges)`.
    """
    ids = {piece: token for token, piece in enumerate(vocabulary(merges))}
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    tokens = []
    for word in chain.from_iterable(pretokens(text)):
        pieces = split_into_bytes(word)
        while pairs := [
            (ranks[pair], place)
            for place, pair in enumerate(pairwise(pieces))
            if pair in ranks
        ]:
            _, place = min(pairs)  # the leftmost of several equal ones
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
        tokens += [ids[piece] for piece in pieces]
    return tokens


def decode(tokens: Iterable[int], merges: Sequence[Pair]) -> str:
    """Join the bytes of the tokens; what is not a whole character becomes �."""
    pieces = vocabulary(merges)
    return b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")


def vocabulary(merges: Sequence[Pair]) -> list[bytes]:
    """List the bytes of each token: the 256 bytes in GPT-2's order, then the merges.

    Pairs that spell the same bytes (a + aa and aa + a) share one token.
    """
    pieces = [bytes([byte]) for byte in BYTE_ORDER]
    return list(dict.fromkeys([*pieces, *(left + right for left, right in merges)]))


def split_into_bytes(word: str) -> list[bytes]:
    """Split a word into its UTF-8 bytes, the pieces that training starts from."""
    return [bytes([byte]) for byte in word.encode("utf-8")]
