"""The simplest tokenizer: every character is a token.

The vocabulary is small and the sequences are long. Nothing is lost, except characters
that the training text does not have: they become `<unk>`.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

from minigpt.tokenizers.base import SPECIAL_TOKENS, UNK_ID, Tokenizer, checked_texts
from minigpt.tokenizers.byte_pair.huggingface_writing import write_characters
from minigpt.tokenizers.vocabulary import read_added, read_pieces, written


class CharTokenizer(Tokenizer):
    """One token per character (Unicode code point).

    >>> tokenizer = CharTokenizer()
    >>> tokenizer.build_vocab(["abba"])
    >>> tokenizer.encode("ab!", add_bos=True, add_eos=True)
    [2, 4, 5, 1, 3]
    >>> tokenizer.decode([4, 5, 5, 4])
    'abba'
    """

    kind: ClassVar[str] = "char"

    def __init__(self) -> None:
        self._know([])

    def build_vocab(self, texts: str | Iterable[str], min_freq: int = 1) -> None:
        """Collect the characters of texts, in the order of their code points.

        Args:
            texts: One text, or several.
            min_freq: Rarer characters become `<unk>`, in occurrences.

        Raises:
            DataError: If there is no text, or it is not text.
        """
        counts: Counter[str] = Counter()
        for text in checked_texts(texts):
            counts.update(text)
        self._know(sorted(char for char in counts if counts[char] >= min_freq))
        self._built = True

    def unknown(self, text: str) -> list[str]:
        """Name the characters that became no token, each once, in reading order."""
        return [char for char in dict.fromkeys(text) if char not in self._ids]

    @property
    def vocab_size(self) -> int:
        """Number of tokens, the four special ones included."""
        return len(self._pieces)

    def to_dict(self) -> dict[str, Any]:
        """Return the characters, in the order of their tokens."""
        return written(self.kind, self._pieces, self.added_tokens)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Make a tokenizer of what `to_dict` returned.

        Raises:
            CheckpointError: If a field is missing or wrong.
        """
        tokenizer = cls()
        characters = read_pieces(fields, cls.kind, is_piece=lambda p: len(p) == 1)
        tokenizer._know(characters, read_added(fields))
        tokenizer._built = True
        return tokenizer

    def save_huggingface(self, path: Path | str) -> None:
        """Write a `tokenizer.json` that `tokenizers` and `transformers` load.

        Ids are equal, except that they read the *name* of a special token in a text as
        that token, and this tokenizer never does.

        Args:
            path: A file, or a directory in which to write `tokenizer.json`.
        """
        self._require_vocabulary()
        write_characters(Path(path), self._pieces, self.special_tokens)

    def _know(self, characters: list[str], added: tuple[str, ...] = ()) -> None:
        self._pieces = [*SPECIAL_TOKENS, *characters, *added]
        self.added_tokens = added
        self._ids = {char: 4 + place for place, char in enumerate(characters)}
        self._built = False

    @property
    def _is_built(self) -> bool:
        return self._built

    def _encode(self, text: str) -> list[int]:
        ids = self._ids
        try:
            return [ids[char] for char in text]
        except KeyError:
            return [ids.get(char, UNK_ID) for char in text]

    def _decode(self, tokens: list[int]) -> str:
        return "".join([self._pieces[token] for token in tokens])

    def _piece(self, token: int) -> str:
        return self._pieces[token]
