"""What every tokenizer is: a list of pieces of text, and a number for each.

A language model reads and writes numbers. A tokenizer cuts a text into pieces, gives
each piece its number (its *token*), and puts texts together again from tokens. This
module says what all of them can do; the next ones do it, each unlike the one before:
`characters` (a piece is a character), `words` (a word), `byte_pair` (whatever byte
sequences the training text repeats most).
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

from minigpt.errors import DataError
from minigpt.tokenizers.files import write_json

PAD_ID, UNK_ID, BOS_ID, EOS_ID = range(4)
SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""Fill-up, never seen, beginning and end of a text: tokens that no text contains."""

FORMAT = "minigpt-tokenizer"
VERSION = 1


class Tokenizer(ABC):
    """Text to tokens and back.

    The text of a special token is not special: in `encode("<eos>")` it is read letter
    by letter, so that no user can write an end of text. Special tokens come from
    `add_bos` and `add_eos` alone.

    A tokenizer is read-only once its vocabulary is built, so any number of threads may
    share one.
    """

    kind: ClassVar[str]

    pad_id: int | None = PAD_ID
    unk_id: int | None = UNK_ID
    bos_id: int | None = BOS_ID
    eos_id: int | None = EOS_ID
    added_tokens: tuple[str, ...] = ()
    """Special tokens that came later, the last of the vocabulary (see `chat`)."""

    @abstractmethod
    def build_vocab(self, texts: str | Iterable[str], min_freq: int = 1) -> None:
        """Learn the vocabulary from texts; what was known before is forgotten.

        Args:
            texts: One text, or several.
            min_freq: What is rarer than this is left out, in occurrences.

        Raises:
            DataError: If there is no text, or it is not text.
        """

    def encode(
        self, text: str, add_bos: bool = False, add_eos: bool = False
    ) -> list[int]:
        """Turn a text into tokens.

        Args:
            text: Any Unicode text.
            add_bos: Whether to put the beginning-of-text token first.
            add_eos: Whether to put the end-of-text token last.

        Returns:
            One token id per piece.

        Raises:
            DataError: If `text` is no Unicode text, if no vocabulary was built yet, or
                if the vocabulary lacks the special token asked for.
        """
        self._require_vocabulary()
        tokens = self._encode(checked_text(text))
        if add_bos:
            tokens.insert(0, self._special(self.bos_id, "beginning"))
        if add_eos:
            tokens.append(self._special(self.eos_id, "end"))
        return tokens

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """Turn tokens into text.

        Args:
            ids: Token ids: a list, an array or a tensor with one axis.
            skip_special_tokens: Leave out `<pad>`, `<unk>`, `<bos>`, `<eos>`, or
                write their names.

        Raises:
            DataError: If an id is no whole number or not in the vocabulary.
        """
        tokens = self._checked_ids(ids)
        if skip_special_tokens:
            special = self.special_tokens
            tokens = [token for token in tokens if token not in special]
        return self._decode(tokens)

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of tokens, the special ones included."""

    def get_vocab_size(self) -> int:
        """Return the number of tokens, the special ones included."""
        return self.vocab_size

    @property
    def special_tokens(self) -> dict[int, str]:
        """The special tokens: id → name."""
        first = dict(enumerate(SPECIAL_TOKENS))
        start = self.vocab_size - len(self.added_tokens)
        return first | dict(enumerate(self.added_tokens, start))

    def piece(self, token: int) -> str:
        r"""Return the text to show for one token.

        Bytes that are only a part of a character are shown as `\xNN`.

        Raises:
            DataError: If there is no such token.
        """
        return self._piece(self._checked_ids([token])[0])

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the text to show for each token.

        Raises:
            DataError: If there is no such token.
        """
        return [self._piece(token) for token in self._checked_ids(ids)]

    @abstractmethod
    def unknown(self, text: str) -> list[str]:
        """Name what `encode` would turn into `<unk>`, each once, in reading order."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything there is to know about the tokenizer, as JSON types."""

    @classmethod
    @abstractmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Make a tokenizer of what `to_dict` returned.

        Raises:
            CheckpointError: If a field is missing, wrong or contradicts another.
        """

    def save(self, path: Path | str) -> None:
        """Write the tokenizer to a JSON file that `load_tokenizer` reads.

        The file is replaced in one step: a kill leaves the old one or the new one.

        Raises:
            DataError: If no vocabulary was built yet.
        """
        self._require_vocabulary()
        write_json(Path(path), self.to_dict())

    @abstractmethod
    def _encode(self, text: str) -> list[int]:
        """Encode a text that was checked."""

    @abstractmethod
    def _decode(self, tokens: list[int]) -> str:
        """Decode ids that were checked."""

    @abstractmethod
    def _piece(self, token: int) -> str:
        """Show an id that was checked."""

    @property
    @abstractmethod
    def _is_built(self) -> bool:
        """Whether there is a vocabulary."""

    def _require_vocabulary(self) -> None:
        if not self._is_built:
            raise DataError(
                f"This {type(self).__name__} has no vocabulary yet: call "
                "build_vocab(texts) first."
            )

    def _checked_ids(self, ids: Iterable[int]) -> list[int]:
        plain = ids.tolist() if hasattr(ids, "tolist") else ids
        try:
            tokens = [operator.index(token) for token in plain]
        except TypeError:
            raise DataError(
                f"Tokens must be a list of whole numbers, not {plain!r:.80}."
            ) from None
        size = self.vocab_size
        if tokens and not (min(tokens) >= 0 and max(tokens) < size):
            wrong = next(token for token in tokens if not 0 <= token < size)
            raise DataError(f"There is no token {wrong}: ids go from 0 to {size - 1}.")
        return tokens

    def _special(self, token: int | None, where: str) -> int:
        if token is None:
            raise DataError(
                f"This vocabulary has no token for the {where} of a text; its special "
                f"tokens are {', '.join(self.special_tokens.values()) or 'none'}."
            )
        return token


def checked_text(text: str) -> str:
    """Return the text, if it is one.

    Raises:
        DataError: If it is no `str`, or holds half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise DataError(f"A text must be a str, not {type(text).__name__}.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"Character {error.start} of the text is {text[error.start]!a}, half of a "
            "surrogate pair and no character: read the text with the right encoding."
        ) from None
    return text


def checked_texts(texts: str | Iterable[str]) -> Iterator[str]:
    """Yield one text, or several, each checked.

    Raises:
        DataError: If there is none, or something that is no text.
    """
    if isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise DataError(f"Texts must be str, not {type(texts).__name__}.")
    empty = True
    for text in [texts] if isinstance(texts, str) else texts:
        empty = empty and not text
        yield checked_text(text)
    if empty:
        raise DataError("There is no text to build a vocabulary from.")
