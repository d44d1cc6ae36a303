r"""Token texts made visible: spaces, line breaks and empty texts get a symbol.

A piece such as `" the\n"` differs from `"the"`, and a reader must see the difference.
The result is plain text and must not be interpreted as markup.
"""

import unicodedata
from collections.abc import Sequence

import pandas as pd

_VISIBLE = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def display_piece(piece: str) -> str:
    r"""Draw what is invisible in a token's text.

    >>> display_piece(" the\n")
    '·the⏎'
    >>> display_piece("")
    '∅'
    """
    return "".join(_display_character(character) for character in piece) or "∅"


def _display_character(character: str) -> str:
    if character in _VISIBLE:
        return _VISIBLE[character]
    # Control (Cc), format (Cf) and surrogate (Cs) characters have no shape of their
    # own, and some reorder the text around them. The joiner keeps emoji in one piece.
    if character != "\u200d" and unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return f"\\u{ord(character):04x}"
    return character


def display_pieces(pieces: Sequence[str]) -> list[str]:
    """Draw several pieces."""
    return [display_piece(piece) for piece in pieces]


def placed_pieces(pieces: Sequence[str]) -> list[str]:
    """Name pieces by position and text, so that two equal ones stay two.

    >>> placed_pieces(["the", " cat"])
    ['0 the', '1 ·cat']
    """
    return [f"{pos} {display_piece(piece)}" for pos, piece in enumerate(pieces)]


def token_table(pieces: Sequence[str], ids: Sequence[int]) -> pd.DataFrame:
    """Return position, piece and id of each token: the table behind the pieces.

    Raises:
        ValueError: If there are not as many ids as pieces.
    """
    if len(pieces) != len(ids):
        raise ValueError(f"There are {len(pieces)} pieces but {len(ids)} ids.")
    return pd.DataFrame(
        {
            "position": range(len(pieces)),
            "piece": display_pieces(pieces),
            "id": list(ids),
        }
    )
