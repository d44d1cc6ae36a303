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

    @cached_property
    def ids(self) -> dict[bytes, int]:
        """The token of each byte sequence, special ones left out."""
        return {
            piece: token
            for token, piece in enumerate(self.token_bytes)
            if token not in self.special_tokens
        }

    @cached_property
    def alphabet(self) -> dict[int, int]:
        """The token of each byte, as `str.translate` wants it."""
        return {byte: self.ids[bytes([byte])] for byte in range(256)}

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
        alphabet = list(self.alphabet.values())
        return MergeArrays(alphabet, self.merges, tokens, len(self.token_bytes))

    @cached_property
    def first_rank(self) -> dict[int, int]:
        """The first merge that makes each token."""
        ranks: dict[int, int] = {}
        for rank, (left, right) in enumerate(self.merges):
            ranks.setdefault(self._joined(left, right), rank)
        return ranks

    @property
    def merged_pieces(self) -> list[tuple[bytes, bytes]]:
        """The merges, as bytes."""
        pieces = self.token_bytes
        return [(pieces[left], pieces[right]) for left, right in self.merges]

    def printable_vocabulary(self) -> dict[str, int]:
        """Return the id of each token, written with GPT-2's letters."""
        return {
            self.special_tokens.get(token) or to_printable(piece): token
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
) -> BytePairVocabulary:
    """Check a vocabulary that was read from a file.

    Args:
        vocabulary: The id of each token, in GPT-2's letters; special ones may be there.
        merges: The pairs, in GPT-2's letters.
        special_tokens: The id of each special token.

    Raises:
        CheckpointError: If ids have gaps or repeat, a byte has no token, a token is no
            byte sequence, or a merge joins or makes tokens that do not exist.
    """
    pieces = _special_pieces(vocabulary, special_tokens)
    ids: dict[bytes, int] = {}
    for letters, token in vocabulary.items():
        if letters in special_tokens:
            continue
        piece = from_printable(letters)
        if not piece:
            raise CheckpointError(
                f"Token {token} is {letters!r:.80}, which is not written in the 256 "
                "letters of a byte-level vocabulary."
            )
        if token in pieces:
            raise CheckpointError(f"Two tokens have the id {token}.")
        pieces[token] = piece
        ids[piece] = token
    _check_ids(pieces)
    _check_alphabet(ids)
    return BytePairVocabulary(
        token_bytes=tuple(pieces[token] for token in range(len(pieces))),
        merges=_read_merges(merges, ids),
        special_tokens={token: name for name, token in special_tokens.items()},
    )


def _special_pieces(
    vocabulary: Mapping[str, int], special_tokens: Mapping[str, int]
) -> dict[int, bytes]:
    pieces: dict[int, bytes] = {}
    for name, token in special_tokens.items():
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
