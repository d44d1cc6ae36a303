"""What the tokens of a text are in writing: spaces, line ends, beginnings of words.

A head of a character model may read the last space, one of a word model the word that
began the sentence. To say so, each token is looked at as text, with what stands before
it. A window is cut out of a longer text, so what its first tokens continue is unknown:
they begin nothing.

Next: `habits`, which turns these marks into the keys that a head could read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Int

from minigpt.interpret.corpora import Windows
from minigpt.tokenizers.base import Tokenizer

SENTENCE_ENDS: Final = ".!?"
OPENING: Final = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»"}
"""Each with what closes it."""
STRAIGHT_QUOTE: Final = '"'
"""Opens after a space, and else closes. A single one is mostly an apostrophe."""

NOWHERE = -1
"""No such position."""

Flags = Bool[np.ndarray, "window pos"]
Places = Int[np.ndarray, "window pos"]


@dataclass(frozen=True)
class Marks:
    """The tokens of several windows as writing; every array is [window pos]."""

    space: Flags
    """Nothing but spaces."""
    newline: Flags
    """Holds the end of a line."""
    punctuation: Flags
    """Neither letter nor digit in it, and more than spaces."""
    word_start: Flags
    """Begins a word, after something in the window that is none of it."""
    sentence_start: Flags
    """Begins the first word after a full stop, a question or exclamation mark, or the
    end of a document."""
    document_end: Flags
    """The token that ends a document, or begins one."""
    word: Places
    """The number in its window of the word that the token belongs to, or `NOWHERE`."""
    spelled: tuple[tuple[str, ...], ...]
    """The letters of that word up to and with the token, in lower case."""
    bracket: Places
    """Where the innermost bracket or quote opened that is open before the token."""


def mark(tokenizer: Tokenizer, windows: Windows) -> Marks:
    """Say what each token of some windows is in writing.

    Args:
        tokenizer: Says how tokens are written.
        windows: Ids, [window pos].
    """
    written = [pieces_of(tokenizer, window) for window in windows.tolist()]
    ended = np.isin(windows, list(tokenizer.special_tokens))
    of_ends = [
        each for each in (tokenizer.bos_id, tokenizer.eos_id) if each is not None
    ]
    is_apart = tokenizer.kind == "word"
    found = [_words(pieces, is_apart) for pieces in written]
    word = np.array([numbers for numbers, _, _ in found])
    start = np.array([starts for _, starts, _ in found])
    ends = ended | _where(written, lambda piece: any(c in piece for c in SENTENCE_ENDS))
    return Marks(
        space=_where(written, is_space),
        newline=_where(written, is_newline),
        punctuation=_where(written, is_punctuation),
        word_start=start,
        sentence_start=_first_after(start, ends),
        document_end=np.isin(windows, of_ends),
        word=word,
        spelled=tuple(tuple(spelled) for _, _, spelled in found),
        bracket=np.array([_open_brackets(pieces, is_apart) for pieces in written]),
    )


def pieces_of(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[str]:
    """Return how tokens are written; what is no text of its own is empty.

    That is a special token, and a word tokenizer's joint: no space between two words.
    """
    silent = set(tokenizer.special_tokens)
    if tokenizer.kind == "word":
        silent |= {token for token in set(tokens) if not tokenizer.decode([token])}
    return [
        "" if token in silent else piece
        for token, piece in zip(tokens, tokenizer.pieces(tokens), strict=True)
    ]


def is_space(piece: str) -> bool:
    """Whether a token is nothing but spaces."""
    return piece.isspace() and "\n" not in piece


def is_newline(piece: str) -> bool:
    """Whether a line ends in a token."""
    return "\n" in piece


def is_punctuation(piece: str) -> bool:
    """Whether a token is a mark: neither letters nor digits, and no space."""
    return bool(piece.strip()) and not any(map(str.isalnum, piece))


def has_bracket(piece: str) -> bool:
    """Whether a bracket or a quote opens in a token."""
    return any(each in OPENING or each == STRAIGHT_QUOTE for each in piece)


def _where(written: list[list[str]], is_so: Callable[[str], bool]) -> Flags:
    return np.array([[is_so(piece) for piece in pieces] for pieces in written])


def _words(
    pieces: Sequence[str], is_apart: bool
) -> tuple[list[int], list[bool], list[str]]:
    """Number the words of one window.

    Args:
        pieces: Its tokens as written.
        is_apart: Whether every token is a word for itself, with no space in it.

    Returns:
        Each token's word, whether it begins one, and the word as far as it is spelled.
    """
    numbers, starts, spelled = [NOWHERE], [], [""]
    count = 0
    for at, piece in enumerate(pieces):
        is_within = not is_apart and numbers[-1] != NOWHERE and _is_letter(piece[:1])
        begins = not is_within and any(map(str.isalnum, piece))
        count += begins
        is_word = is_within or begins
        numbers.append(count - 1 if is_word else NOWHERE)
        starts.append(begins and (at > 0 or is_apart))
        before = spelled[-1] if is_within else ""
        spelled.append(before + piece.strip().lower() if is_word else "")
    return numbers[1:], starts, spelled[1:]


def _is_letter(character: str) -> bool:
    """Whether a word that has begun goes on with a character."""
    return character.isalnum() or character in ("'", "’")


def _first_after(start: Flags, ends: Flags) -> Flags:
    """Keep, of the words' beginnings, the first after each end."""
    number, found = np.cumsum(ends, axis=1), np.zeros_like(start)
    for window, row in enumerate(start):
        at = np.flatnonzero(row & (number[window] > 0))
        # A token that ends a sentence and begins a word begins the next sentence's.
        _, first = np.unique(number[window, at], return_index=True)
        found[window, at[first]] = True
    return found


def _open_brackets(pieces: Sequence[str], is_apart: bool) -> list[int]:
    """Return, for each token, where what is open before it was opened."""
    stack: list[tuple[str, int]] = []
    found = []
    before = " "
    for at, piece in enumerate(pieces):
        found.append(stack[-1][1] if stack else NOWHERE)
        if is_apart:  # unless a joint stands between
            before = " " if at == 0 or pieces[at - 1] else ""
        for character in piece:
            if character == STRAIGHT_QUOTE and before.isspace():
                stack.append((character, at))
            elif character in OPENING:
                stack.append((OPENING[character], at))
            elif stack and stack[-1][0] == character:
                stack.pop()
            before = character
    return found
