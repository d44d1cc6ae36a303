"""A byte pair vocabulary: the bytes of each token, and the merges in order.

Vocabularies come from training or from other programs' files, so everything is checked
once, here; encoding and decoding need no further checks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import SPECIAL_TOKENS
from minigpt.tokenizers.byte_pair.fast_batches import MergeArrays
from minigpt.tokenizers.byte_pair.merging import Merge, MergeTable
from minigpt.tokenizers.byte_pair.printable import (
    BYTE_ORDER,
    from_printable,
    to_printable,
)
from minigpt.tokenizers.byte_pair.text_reader import TextReader
from minigpt.tokenizers.byte_pair.text_rules import GPT2_RULES, TextRules

MAX_TOKENS = 1_000_000
"""Tokens are characters of Python strings while they are merged: a little more fit."""


@dataclass(frozen=True)
class BytePairVocabulary:
    """Tokens, merges and special tokens, checked to be consistent."""

    token_bytes: tuple[bytes, ...]
    """The bytes of each token; those of a special token are its name."""
    merges: tuple[tuple[int, int], ...]
    """The pairs of token ids, in the order in which they are merged."""
    special_tokens: Mapping[int, str]
    """The tokens that no text contains: id → name."""
    rules: TextRules = GPT2_RULES
    """How a text is read before bytes are merged."""
    pieces_too: frozenset[int] = frozenset()
    """Tokens with a name that are bytes or merged ones all the same."""

    @cached_property
    def names(self) -> dict[int, str]:
        """The tokens that have a name: special ones, and those read in a text."""
        typed = {each.token: each.name for each in self.rules.typed_tokens}
        return {**self.special_tokens, **typed}

    @cached_property
    def ids(self) -> dict[bytes, int]:
        """The token of each byte sequence; what is only a name is left out."""
        return {
            piece: token
            for token, piece in enumerate(self.token_bytes)
            if token not in self.names or token in self.pieces_too
        }

    @cached_property
    def reader(self) -> TextReader:
        """The rules, ready to be followed."""
        return TextReader(self.rules)

    @cached_property
    def alphabet(self) -> dict[int, int | None]:
        """The token of each byte, as `str.translate` wants it; None: it is left out."""
        unknown = self.rules.unknown
        return {byte: self.ids.get(bytes([byte]), unknown) for byte in range(256)}

    @cached_property
    def table(self) -> MergeTable:
        """The merges, ready to be applied."""
        return MergeTable(
            {
                chr(left) + chr(right): Merge(rank, chr(self._joined(left, right)))
                for rank, (left, right) in enumerate(self.merges)
            }
        )

    @cached_property
    def arrays(self) -> MergeArrays:
        """The merges, ready to be applied to many words at once."""
        tokens = [self._joined(left, right) for left, right in self.merges]
        alphabet = [self.ids[bytes([byte])] for byte in range(256)]
        return MergeArrays(alphabet, self.merges, tokens, len(self.token_bytes))

    @cached_property
    def first_rank(self) -> dict[int, int]:
        """The first merge that makes each token."""
        ranks: dict[int, int] = {}
        for rank, (left, right) in enumerate(self.merges):
            ranks.setdefault(self._joined(left, right), rank)
        return ranks

    def without_token(self, text: str) -> list[str]:
        """Name the characters that have a byte without a token, each once."""
        if self.rules.all_bytes:
            return []
        spoken = (part for part in self.reader.parts(text) if isinstance(part, str))
        return [
            char
            for char in dict.fromkeys("".join(spoken))
            if any(bytes([byte]) not in self.ids for byte in char.encode("utf-8"))
        ]

    @property
    def merged_pieces(self) -> list[tuple[bytes, bytes]]:
        """The merges, as bytes."""
        pieces = self.token_bytes
        return [(pieces[left], pieces[right]) for left, right in self.merges]

    def printable_vocabulary(self) -> dict[str, int]:
        """Return the id of each token, written with GPT-2's letters."""
        return {
            self.names.get(token) or to_printable(piece): token
            for token, piece in enumerate(self.token_bytes)
        }

    def printable_merges(self) -> list[tuple[str, str]]:
        """Return the merges, written with GPT-2's letters."""
        return [
            (to_printable(left), to_printable(right))
            for left, right in self.merged_pieces
        ]

    def _joined(self, left: int, right: int) -> int:
        return self.ids[self.token_bytes[left] + self.token_bytes[right]]


def grown_vocabulary(merges: Iterable[tuple[bytes, bytes]]) -> BytePairVocabulary:
    """Return our own vocabulary: special tokens, bytes, then one token per merge.

    Raises:
        CheckpointError: If a merge joins what no byte or earlier merge made.
    """
    pieces = [name.encode() for name in SPECIAL_TOKENS]
    pieces += [bytes([byte]) for byte in BYTE_ORDER]
    ids = {piece: token for token, piece in islice(enumerate(pieces), 4, None)}
    pairs: list[tuple[int, int]] = []
    for left, right in merges:
        if left not in ids or right not in ids:
            raise CheckpointError(
                f"Merge {len(pairs)} joins {left!r:.40} and {right!r:.40}, and no byte "
                "or earlier merge made both."
            )
        pairs.append((ids[left], ids[right]))
        if left + right not in ids:
            ids[left + right] = len(pieces)
            pieces.append(left + right)
    return BytePairVocabulary(
        tuple(pieces), tuple(pairs), dict(enumerate(SPECIAL_TOKENS))
    )


def vocabulary_from_printable(
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special_tokens: Mapping[str, int],
    rules: TextRules = GPT2_RULES,
) -> BytePairVocabulary:
    """Check a vocabulary that was read from a file.

    Args:
        vocabulary: The id of each token, in GPT-2's letters; special ones may be there.
        merges: The pairs, in GPT-2's letters.
        special_tokens: The id of each special token.
        rules: How a text is read before bytes are merged.

    Raises:
        CheckpointError: If ids have gaps or repeat, a byte has no token, a token is no
            byte sequence, or a merge joins or makes tokens that do not exist.
    """
    typed = {each.name: each.token for each in rules.typed_tokens}
    pieces = _named_pieces(vocabulary, [*special_tokens.items(), *typed.items()])
    merged = {part for left, right in merges for part in (left, right, left + right)}
    ids: dict[bytes, int] = {}
    pieces_too = set()
    for letters, token in vocabulary.items():
        named = letters in special_tokens or letters in typed
        piece = from_printable(letters)
        if named and (letters not in merged and len(piece or b"") != 1):
            continue
        if not piece:
            raise CheckpointError(
                f"Token {token} is {letters!r:.80}, which is not written in the 256 "
                "letters of a byte-level vocabulary."
            )
        if named:
            pieces_too.add(token)
        elif token in pieces:
            raise CheckpointError(f"Two tokens have the id {token}.")
        pieces[token] = piece
        ids[piece] = token
    _check_ids(pieces)
    for token in [*rules.roles.values(), rules.unknown or 0]:
        if token not in pieces:
            raise CheckpointError(f"There is no token {token}, which the rules name.")
    if rules.all_bytes:
        _check_alphabet(ids)
    return BytePairVocabulary(
        token_bytes=tuple(pieces[token] for token in range(len(pieces))),
        merges=_read_merges(merges, ids),
        special_tokens={token: name for name, token in special_tokens.items()},
        rules=rules,
        pieces_too=frozenset(pieces_too),
    )


def _named_pieces(
    vocabulary: Mapping[str, int], names: Sequence[tuple[str, int]]
) -> dict[int, bytes]:
    pieces: dict[int, bytes] = {}
    for name, token in names:
        if vocabulary.get(name, token) != token or token in pieces:
            raise CheckpointError(f"The special token {name!r:.80} has two ids.")
        pieces[token] = name.encode("utf-8", "replace")
    return pieces


def _check_ids(pieces: Mapping[int, bytes]) -> None:
    if len(pieces) > MAX_TOKENS:
        raise CheckpointError(
            f"A vocabulary of {len(pieces):,} tokens is too large: the limit is "
            f"{MAX_TOKENS:,}."
        )
    if pieces.keys() != set(range(len(pieces))):
        missing = min(set(range(len(pieces))) - pieces.keys())
        raise CheckpointError(
            f"The {len(pieces):,} tokens must have the ids 0 to {len(pieces) - 1}, and "
            f"none has {missing}."
        )


def _check_alphabet(ids: Mapping[bytes, int]) -> None:
    missing = [byte for byte in range(256) if bytes([byte]) not in ids]
    if missing:
        raise CheckpointError(
            f"{len(missing)} of the 256 bytes have no token, the first is "
            f"0x{missing[0]:02x}: this is not a byte-level vocabulary."
        )


def _read_merges(
    merges: Sequence[tuple[str, str]], ids: Mapping[bytes, int]
) -> tuple[tuple[int, int], ...]:
    pairs: dict[tuple[int, int], None] = {}
    for rank, (left, right) in enumerate(merges):
        first, second = from_printable(left) or b"", from_printable(right) or b""
        for part in (first, second, first + second):
            if part not in ids:
                raise CheckpointError(
                    f"Merge {rank} joins {left!r:.40} and {right!r:.40}, and "
                    f"{to_printable(part)!r:.80} is not in the vocabulary."
                )
        pair = (ids[first], ids[second])
        if pair in pairs:
            raise CheckpointError(
                f"Merge {rank} joins {left!r:.40} and {right!r:.40} a second time."
            )
        pairs[pair] = None
    return tuple(pairs)
