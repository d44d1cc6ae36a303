"""Unlike characters: every word is a token, and so is every punctuation mark.

Sequences are short, but the vocabulary is large and a word that the training text does
not have is `<unk>`.

**Where are the spaces?** A token for each would double every text, and a space glued to
its word would give `the` and ` the` two tokens. So a space is not written where
everyone would put one, and `decode` puts it back: between two words, after a comma, but
not before it. Where a text departs from this rule, a token says so: a *space* token
where the rule has none, a *joint* (an empty piece, shown as `⁀`) where the rule has a
space and the text none. Line ends, tabs and further spaces are tokens of their own.
So nothing is lost:

    "Hello, world!"   →  Hello  ,  world  !
    "x+1 ,  y"        →  x  ⁀  +  ⁀  1  ␣  ,  ␣  ␣  y
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import regex  # type: ignore[import-untyped]

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import (
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
    checked_text,
    checked_texts,
)
from minigpt.tokenizers.vocabulary import read_added, read_pieces, written

JOINT, SPACE = "", " "
_SHOWN_JOINT = "⁀"

# A word may have apostrophes inside; all else is cut into visible characters, so an
# emoji of several code points stays one piece. Every text is covered without a gap.
_LETTER = r"[\p{L}\p{M}\p{N}_]"
_PIECE = regex.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|\s|\X")

_CLINGS_TO_THE_LEFT = frozenset(".,;:!?…)]}’”»%-—/、。，！？：；")
_CLINGS_TO_THE_RIGHT = frozenset("([{‘“«$#@-—/¿¡、。，！？：；")


class WordTokenizer(Tokenizer):
    """One token per word or punctuation mark; `decode` gives the text with its spaces.

    >>> tokenizer = WordTokenizer()
    >>> tokenizer.build_vocab("Hello, world! How are you?")
    >>> tokenizer.pieces(tokenizer.encode("Hello, you!"))
    ['Hello', ',', 'you', '!']
    >>> tokenizer.decode(tokenizer.encode("Hello, you!"))
    'Hello, you!'
    """

    kind: ClassVar[str] = "word"

    def __init__(self) -> None:
        self._know([])

    def build_vocab(self, texts: str | Iterable[str], min_freq: int = 1) -> None:
        """Collect the words of texts, the most frequent first, then by alphabet.

        Args:
            texts: One text, or several.
            min_freq: Rarer words become `<unk>`, in occurrences.

        Raises:
            DataError: If there is no text, or it is not text.
        """
        counts: Counter[str] = Counter()
        for text in checked_texts(texts):
            counts.update(_PIECE.findall(text))
        # Joint and space are always there, or known words could not be put together.
        del counts[SPACE]
        frequent = [piece for piece in counts if counts[piece] >= min_freq]
        self._know(sorted(frequent, key=lambda piece: (-counts[piece], piece)))
        self._built = True

    def unknown(self, text: str) -> list[str]:
        """Name the words that became no token, each once, in reading order."""
        pieces = dict.fromkeys(_PIECE.findall(checked_text(text)))
        return [piece for piece in pieces if piece not in self._ids]

    @property
    def vocab_size(self) -> int:
        """Number of tokens: four special ones, joint, space, and the words."""
        return len(self._pieces)

    def to_dict(self) -> dict[str, Any]:
        """Return the words, in the order of their tokens."""
        return written(self.kind, self._pieces, self.added_tokens)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Make a tokenizer of what `to_dict` returned.

        Raises:
            CheckpointError: If a field is missing or wrong.
        """
        pieces = read_pieces(fields, cls.kind, is_piece=lambda _: True)
        if pieces[:2] != [JOINT, SPACE]:
            raise CheckpointError(
                f"The tokenizer's pieces 4 and 5 must be joint and space, "
                f"'' and ' ', not {pieces[:2]!r:.80}."
            )
        tokenizer = cls()
        tokenizer._know(pieces[2:], read_added(fields))
        tokenizer._built = True
        return tokenizer

    def _know(self, words: list[str], added: tuple[str, ...] = ()) -> None:
        self._pieces = [*SPECIAL_TOKENS, JOINT, SPACE, *words, *added]
        self._ids = {piece: 4 + n for n, piece in enumerate([JOINT, SPACE, *words])}
        self.added_tokens = added
        self._built = False

    @property
    def _is_built(self) -> bool:
        return self._built

    def _encode(self, text: str) -> list[int]:
        get = self._ids.get
        return [get(piece, UNK_ID) for piece in without_usual_spaces(text)]

    def _decode(self, tokens: list[int]) -> str:
        parts: list[str] = []
        before = SPACE
        for token in tokens:
            piece = self._pieces[token]
            if has_space_between(before, piece):
                parts.append(SPACE)
            parts.append(piece)
            before = piece
        return "".join(parts)

    def _piece(self, token: int) -> str:
        return self._pieces[token] or _SHOWN_JOINT


SimpleTokenizer = WordTokenizer


def has_space_between(left: str, right: str) -> bool:
    """Whether the rule puts a space between two pieces.

    >>> has_space_between("Hello", "world"), has_space_between("Hello", ",")
    (True, False)
    """
    return not (
        right in _CLINGS_TO_THE_LEFT
        or left in _CLINGS_TO_THE_RIGHT
        or left == JOINT
        or right == JOINT
        or left.isspace()
        or right.isspace()
    )


def without_usual_spaces(text: str) -> Iterator[str]:
    """Yield the pieces of a text; spaces only where `has_space_between` errs.

    `decode` asks the same function, so it puts exactly the missing ones back.
    """
    before, space_waits = SPACE, False
    for piece in _PIECE.findall(text):
        if piece == SPACE and not space_waits and not before.isspace():
            space_waits = True  # whether it is usual depends on what comes next
            continue
        usual = has_space_between(before, piece)
        if space_waits and not usual:
            yield SPACE
        elif usual and not space_waits:
            yield JOINT
        space_waits = False
        yield piece
        before = piece
    if space_waits:
        yield SPACE
