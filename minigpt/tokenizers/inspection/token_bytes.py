"""Tokens seen close up: the bytes of each, and which merge made it."""

from collections.abc import Sequence
from dataclasses import dataclass

from minigpt.tokenizers.adapted import AdaptedTokenizer
from minigpt.tokenizers.base import Tokenizer
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer


@dataclass(frozen=True, slots=True)
class TokenCloseUp:
    """One token of a text."""

    token: int
    """Its id."""
    piece: str
    """Its text; bytes that are half a character as numbers."""
    spelling: bytes | None
    """Its bytes; None for a special token, which no text contains."""
    rank: int | None
    """Which merge made it, from 0; None if none did."""


def close_up(tokenizer: Tokenizer, ids: Sequence[int]) -> list[TokenCloseUp]:
    """Look closely at tokens.

    Args:
        tokenizer: Whose tokens they are.
        ids: Any of them.

    Raises:
        DataError: If there is no such token.
    """
    seen: dict[int, TokenCloseUp] = {}
    pairs = list(zip(ids, tokenizer.pieces(ids), strict=True))
    for token, piece in pairs:
        if token not in seen:
            seen[token] = _close_up(tokenizer, token, piece)
    return [seen[token] for token, _ in pairs]


def _close_up(tokenizer: Tokenizer, token: int, piece: str) -> TokenCloseUp:
    if token in tokenizer.special_tokens:
        return TokenCloseUp(token, piece, None, None)
    if isinstance(tokenizer, BPETokenizer):
        spelling = tokenizer.token_bytes(token)
        return TokenCloseUp(token, piece, spelling, tokenizer.merge_rank(token))
    if isinstance(tokenizer, AdaptedTokenizer):
        return TokenCloseUp(token, piece, tokenizer.token_bytes(token), None)
    return TokenCloseUp(token, piece, piece.encode("utf-8"), None)
