r"""Unlike words: pieces are whatever byte sequences the training text repeats most.

The start is the 256 bytes, so *every* string has tokens and nothing is unknown. Then
the most frequent pair of tokens becomes a new token, and so on until the vocabulary is
full. Frequent words end as one token, rare ones as a few.

    "low lower lowest"  →  low| low|er| low|est
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from minigpt.errors import ConfigError
from minigpt.tokenizers.base import (
    FORMAT,
    VERSION,
    Tokenizer,
    checked_text,
)
from minigpt.tokenizers.byte_pair.fast_cache import ChunkCache
from minigpt.tokenizers.byte_pair.huggingface import parse_vocabulary, read_huggingface
from minigpt.tokenizers.byte_pair.huggingface_writing import write_huggingface
from minigpt.tokenizers.byte_pair.printable import BYTE_ORDER
from minigpt.tokenizers.byte_pair.text_rules import (
    GPT2_RULES,
    TextRules,
    read_own_rules,
)
from minigpt.tokenizers.byte_pair.training import MergeStep, learn_merges
from minigpt.tokenizers.byte_pair.vocabulary import (
    MAX_TOKENS,
    BytePairVocabulary,
    grown_vocabulary,
)
from minigpt.tokenizers.byte_pair.word_counts import NUM_SPECIAL, word_counts
from minigpt.tokenizers.roles import usual_roles
from minigpt.tokenizers.vocabulary import read_header

SMALLEST = NUM_SPECIAL + len(BYTE_ORDER)


class BPETokenizer(Tokenizer):
    """Byte-level byte pair encoding, with GPT-2's pretokens.

    >>> tokenizer = BPETokenizer(vocab_size=262)
    >>> tokenizer.build_vocab("low lower lowest")
    >>> tokenizer.merges
    [(b'l', b'o'), (b'lo', b'w')]
    >>> tokenizer.pieces(tokenizer.encode("slow"))
    ['s', 'low']

    Args:
        vocab_size: Tokens to learn, in all: 4 special ones, 256 bytes and the merges.
            A text that is too short for so many gives fewer.

    Raises:
        ConfigError: If `vocab_size` is out of range.
    """

    kind: ClassVar[str] = "bpe"

    def __init__(self, vocab_size: int = 5000) -> None:
        if type(vocab_size) is not int or not SMALLEST <= vocab_size <= MAX_TOKENS:
            raise ConfigError(
                f"vocab_size is {vocab_size!r}: it must be a whole number from "
                f"{SMALLEST} (the 256 bytes and {NUM_SPECIAL} special tokens) to "
                f"{MAX_TOKENS:,}."
            )
        self.target_vocab_size = vocab_size
        self._know(grown_vocabulary([]))
        self._built = False

    def build_vocab(self, texts: str | Iterable[str], min_freq: int = 1) -> None:
        """Learn merges from texts, until the vocabulary is full.

        Args:
            texts: One text, or several.
            min_freq: Pairs that occur less often are not merged, in occurrences.

        Raises:
            DataError: If there is no text, or it is not text.
        """
        steps = self.training_steps(texts, min_freq)
        self._know(grown_vocabulary([step.pair for step in steps]))

    def training_steps(
        self, texts: str | Iterable[str], min_freq: int = 1
    ) -> Iterator[MergeStep]:
        """Learn as `build_vocab` does, and give each merge when it is made.

        The tokenizer itself stays as it is; `BPETokenizer.from_merges` makes one of the
        merges so far.

        Args:
            texts: One text, or several.
            min_freq: Pairs that occur less often are not merged, in occurrences.

        Raises:
            DataError: If there is no text, or it is not text.
        """
        yield from self.steps_on(word_counts(texts), min_freq)

    def steps_on(
        self, words: Mapping[str, int], min_freq: int = 1
    ) -> Iterator[MergeStep]:
        """Do as `training_steps` does, with words that were counted before.

        Args:
            words: What `word_counts` returned.
            min_freq: Pairs that occur less often are not merged, in occurrences.

        Yields:
            The merges, in order.
        """
        size = SMALLEST
        for step in learn_merges(
            words,
            alphabet={NUM_SPECIAL + n: bytes([b]) for n, b in enumerate(BYTE_ORDER)},
            first_token=SMALLEST,
        ):
            size = max(size, step.token + 1)
            if size > self.target_vocab_size or step.count < min_freq:
                return
            yield step
            if size == self.target_vocab_size:
                return

    @classmethod
    def from_merges(cls, merges: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make a tokenizer of merges, in order, for instance of a part of another's.

        Raises:
            CheckpointError: If a merge joins what no byte or earlier merge made.
        """
        vocabulary = grown_vocabulary(merges)
        tokenizer = cls(max(SMALLEST, len(vocabulary.token_bytes)))
        tokenizer._know(vocabulary)
        return tokenizer

    def limited_to(self, merges: int) -> Self:
        """Return the tokenizer as it was after its first merges, with the same ids.

        Args:
            merges: How many of its merges it may use.
        """
        tokenizer = type(self)()
        fewer = self._vocabulary.merges[:merges]
        rules = self.rules.replace(whole_words=False)
        tokenizer._know(replace(self._vocabulary, merges=fewer, rules=rules))
        return tokenizer

    @classmethod
    def from_pretrained(cls, path: Path | str) -> Self:
        """Read a vocabulary that others made.

        Args:
            path: A Hugging Face `tokenizer.json`, GPT-2's `vocab.json` (with
                `merges.txt` beside it), tiktoken's ranks, or a directory with a JSON.

        Returns:
            A tokenizer that gives the same ids. Its special tokens are the file's:
            GPT-2's are `eos_id` and `bos_id` 50256, and no `<pad>` or `<unk>`.

        Raises:
            CheckpointError: If a file is missing or damaged, or is no byte-level BPE
                (see `open_tokenizer`, which reads the others too).
        """
        tokenizer = cls()
        tokenizer._know(read_huggingface(Path(path)))
        tokenizer.target_vocab_size = tokenizer.vocab_size
        return tokenizer

    def save_huggingface(self, path: Path | str) -> None:
        """Write a `tokenizer.json` that `tokenizers` and `transformers` load.

        Ids are equal, except that they read the *name* of a special token in a text as
        that token, and this tokenizer never does.

        Args:
            path: A file, or a directory in which to write `tokenizer.json`.
        """
        self._require_vocabulary()
        write_huggingface(Path(path), self._vocabulary)

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """The merges, in the order in which they were learned and are applied."""
        return self._vocabulary.merged_pieces

    @property
    def vocab_size(self) -> int:
        """Number of tokens: special ones, bytes and merges."""
        return len(self._vocabulary.token_bytes)

    @property
    def special_tokens(self) -> dict[int, str]:
        """The special tokens: id → name."""
        return dict(self._vocabulary.special_tokens)

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of a token, which may be only a part of a character.

        Raises:
            DataError: If there is no such token.
        """
        return self._vocabulary.token_bytes[self._checked_ids([token])[0]]

    def merge_rank(self, token: int) -> int | None:
        """Return which merge made a token, from 0; None for a byte or special token.

        Raises:
            DataError: If there is no such token.
        """
        return self._vocabulary.first_rank.get(self._checked_ids([token])[0])

    @property
    def rules(self) -> TextRules:
        """How a text is read before bytes are merged."""
        return self._vocabulary.rules

    def words(self, text: str) -> list[str]:
        """Cut a text into the words in which merges happen, and names of tokens.

        Raises:
            DataError: If it is not text.
        """
        return list(self._vocabulary.reader.words(checked_text(text)))

    def unknown(self, text: str) -> list[str]:
        """Name what has bytes without a token; empty for nearly every vocabulary."""
        return self._vocabulary.without_token(checked_text(text))

    def to_dict(self) -> dict[str, Any]:
        """Return vocabulary and merges, written with GPT-2's letters."""
        vocabulary = self._vocabulary
        return {
            "format": FORMAT,
            "version": VERSION,
            "kind": self.kind,
            "special_tokens": {n: t for t, n in vocabulary.special_tokens.items()},
            "vocab": vocabulary.printable_vocabulary(),
            "merges": [list(pair) for pair in vocabulary.printable_merges()],
            **({"rules": self.rules.to_dict()} if self.rules != GPT2_RULES else {}),
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Make a tokenizer of what `to_dict` returned.

        Raises:
            CheckpointError: If a field is missing, wrong or contradicts another.
        """
        own = {name: fields[name] for name in fields if name != "rules"}
        read_header(own, cls.kind, {"special_tokens", "vocab", "merges"})
        vocabulary = parse_vocabulary(
            fields["vocab"],
            fields["merges"],
            fields["special_tokens"],
            read_own_rules(fields.get("rules", {})),
        )
        tokenizer = cls(max(SMALLEST, len(vocabulary.token_bytes)))
        tokenizer._know(vocabulary)
        return tokenizer

    def _know(self, vocabulary: BytePairVocabulary) -> None:
        self._vocabulary = vocabulary
        self._cache = ChunkCache(vocabulary)
        ids = {name: token for token, name in vocabulary.special_tokens.items()}
        for role, token in (usual_roles(ids) | vocabulary.rules.roles).items():
            setattr(self, role, token)
        if vocabulary.rules.unknown is not None:
            self.unk_id = vocabulary.rules.unknown
        self._built = True

    @property
    def _is_built(self) -> bool:
        return self._built

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = []
        reader = self._vocabulary.reader
        for part in reader.parts(text):
            if isinstance(part, str):
                for chunks in reader.chunks(part):
                    tokens.extend(self._cache.encode(chunks))
            else:
                tokens.append(part.token)
        return tokens

    def _decode(self, tokens: list[int]) -> str:
        pieces = self._vocabulary.token_bytes
        return b"".join([pieces[token] for token in tokens]).decode("utf-8", "replace")

    def _piece(self, token: int) -> str:
        piece = self._vocabulary.token_bytes[token]
        return piece.decode("utf-8", "backslashreplace")
