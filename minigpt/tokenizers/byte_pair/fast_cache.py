"""What was encoded before: words repeat, so most of a text is here.

Two tables. The first has whole chunks as they stand between spaces, `you,` with its
comma; so a text whose chunks are known is encoded without a look at its letters. The
second has pretokens, `you` and `,`; a new chunk is mostly made of known ones.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast

from minigpt.tokenizers.byte_pair.pretokens import find_pretokens
from minigpt.tokenizers.byte_pair.vocabulary import BytePairVocabulary

Tokens = tuple[int, ...]

FEW = 32
"""So many new pretokens are merged sooner one by one than all together."""


class ChunkCache(dict[str, Tokens]):
    """The tokens of chunks seen before.

    Threads may share it: the worst that happens is that two of them compute the same
    entry.

    Args:
        vocabulary: Whose merges are applied.
    """

    max_entries = 2**16
    max_length = 64

    def __init__(self, vocabulary: BytePairVocabulary) -> None:
        super().__init__()
        self._pretokens: dict[str, Tokens] = {}
        self._vocabulary = vocabulary
        self._words_of = _pretokens if vocabulary.rules.is_gpt2s else _itself

    def encode(self, chunks: list[str]) -> Iterator[int]:
        """Turn chunks into tokens; those never seen are looked at together."""
        found = list(map(self.get, chunks))
        if None in found:
            places = [place for place, tokens in enumerate(found) if tokens is None]
            learned = self._learn({chunks[place] for place in places})
            for place in places:
                found[place] = learned[chunks[place]]
        return chain.from_iterable(cast(list[Tokens], found))

    def _learn(self, chunks: set[str]) -> dict[str, Tokens]:
        pretokens = {chunk: self._words_of(chunk) for chunk in chunks}
        tokens_of = self._merge(set(chain.from_iterable(pretokens.values())))
        learned = {
            chunk: tokens_of[parts[0]]
            if len(parts) == 1
            else tuple(chain.from_iterable(map(tokens_of.__getitem__, parts)))
            for chunk, parts in pretokens.items()
        }
        self._keep(self, learned)
        return learned

    def _merge(self, pretokens: set[str]) -> dict[str, Tokens]:
        known = self._pretokens
        tokens_of = {
            pretoken: tokens
            for pretoken in pretokens
            if (tokens := known.get(pretoken)) is not None
        }
        merged = dict(self._merge_new(list(pretokens - tokens_of.keys())))
        self._keep(known, merged)
        return tokens_of | merged

    def _merge_new(self, pretokens: list[str]) -> Iterator[tuple[str, Tokens]]:
        if self._vocabulary.rules.whole_words:
            ids = self._vocabulary.ids
            whole = {word: ids.get(word.encode("utf-8")) for word in pretokens}
            yield from (
                (w, (token,)) for w, token in whole.items() if token is not None
            )
            pretokens = [word for word in pretokens if whole[word] is None]
        by_length: defaultdict[int, list[str]] = defaultdict(list)
        for pretoken in pretokens:
            by_length[len(pretoken).bit_length()].append(pretoken)
        for alike in by_length.values():
            few = len(alike) <= FEW or not self._vocabulary.rules.all_bytes
            if few or len(alike[0]) > self.max_length:
                yield from zip(alike, map(self._merge_one, alike), strict=True)
            else:
                yield from zip(alike, self._merge_together(alike), strict=True)

    def _merge_one(self, pretoken: str) -> Tokens:
        # A word is a string whose characters are tokens, see `MergeTable`.
        letters = pretoken.encode("utf-8").decode("latin-1")
        word = letters.translate(self._vocabulary.alphabet)
        unknown = self._vocabulary.rules.unknown
        if unknown is not None and self._vocabulary.rules.fuse_unknown:
            word = re.sub(f"{re.escape(chr(unknown))}+", lambda _: chr(unknown), word)
        return tuple(map(ord, self._vocabulary.table.apply(word)))

    def _merge_together(self, pretokens: list[str]) -> list[Tokens]:
        return self._vocabulary.arrays.apply(list(map(str.encode, pretokens)))

    def _keep(self, table: dict[str, Tokens], new: dict[str, Tokens]) -> None:
        short = {text: new[text] for text in new if len(text) <= self.max_length}
        if len(table) + len(short) > self.max_entries:
            table.clear()
        if len(short) <= self.max_entries:
            table.update(short)


def _itself(chunk: str) -> Sequence[str]:
    return (chunk,)


def _pretokens(chunk: str) -> Sequence[str]:
    # Most chunks are a space and a word, and need no pattern to be seen as one.
    is_word = chunk[:1] == " " and chunk[1:].isalpha()
    return (chunk,) if is_word else find_pretokens(chunk)
