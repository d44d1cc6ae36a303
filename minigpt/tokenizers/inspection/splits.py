"""The same word under two tokenizers: where they differ most."""

from collections.abc import Iterable
from typing import NamedTuple

from minigpt.tokenizers.base import Tokenizer
from minigpt.tokenizers.words import WordTokenizer


class WordSplit(NamedTuple):
    """A word as two tokenizers cut it."""

    word: str
    one: list[str]
    """Pieces of the first tokenizer."""
    other: list[str]
    """Pieces of the second one."""


def split_word(tokenizer: Tokenizer, word: str) -> list[str]:
    """Return the pieces of a word as it stands inside a text, behind a space.

    A word tokenizer does not write that space, so there it is left out.

    Args:
        tokenizer: Who cuts.
        word: A word without spaces.
    """
    text = word if isinstance(tokenizer, WordTokenizer) else f" {word}"
    return tokenizer.pieces(tokenizer.encode(text))


def whole_form(tokenizer: Tokenizer, typed: str) -> list[int]:
    """Encode a word as it was typed, or behind a space if it is whole only there.

    In most vocabularies a word's own token begins with a space, which nobody types.

    Args:
        tokenizer: Whose tokens.
        typed: What somebody looks for.

    Returns:
        Ids of the form with fewer tokens; of two equal ones, as it was typed.
    """
    forms = (typed, f" {typed.strip()}")
    return min((tokenizer.encode(form) for form in forms), key=len)


def widest_gap(
    one: Tokenizer, other: Tokenizer, words: Iterable[str]
) -> WordSplit | None:
    """Return the word whose numbers of tokens differ most; None if none differ.

    Args:
        one: A tokenizer.
        other: Another.
        words: Which to look at.
    """
    splits = [
        WordSplit(word, split_word(one, word), split_word(other, word))
        for word in dict.fromkeys(words)
    ]
    best = max(splits, key=_gap, default=None)
    return best if best is not None and _gap(best) else None


def _gap(split: WordSplit) -> int:
    return abs(len(split.one) - len(split.other))
