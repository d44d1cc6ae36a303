"""Pretokens that were encoded before: words repeat, so most of a text is here."""

from minigpt.tokenizers.byte_pair_vocabulary import BytePairVocabulary


class PretokenCache(dict[str, tuple[int, ...]]):
    """The tokens of pretokens seen before; words repeat, so most of a text is here.

    `dict.__getitem__` calls `__missing__` for a new one, which lets `encode` run in C
    over the known ones. Threads may share it: the worst that happens is that two of
    them compute the same entry.
    """

    max_entries = 2**16
    max_length = 64

    def __init__(self, vocabulary: BytePairVocabulary) -> None:
        super().__init__()
        self._alphabet = vocabulary.alphabet
        self._table = vocabulary.table

    def __missing__(self, pretoken: str) -> tuple[int, ...]:
        word = pretoken.encode("utf-8").decode("latin-1").translate(self._alphabet)
        tokens = tuple(map(ord, self._table.apply(word)))
        if len(pretoken) <= self.max_length:
            if len(self) >= self.max_entries:
                self.clear()
            self[pretoken] = tokens
        return tokens
