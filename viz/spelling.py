r"""Tokens in boxes of their own: bytes that are no text, combining marks."""

import unicodedata

from viz.tokens import display_piece


def standing_alone(piece: str) -> str:
    r"""Draw a token's text so that it fits a box of its own.

    A mark that belongs on the letter before it gets a dotted circle to sit on.

    >>> standing_alone(" the"), ascii(standing_alone("\u0301"))
    ('·the', "'\\u25cc\\u0301'")
    """
    drawn = display_piece(piece)
    return f"◌{drawn}" if unicodedata.category(drawn[0]).startswith("M") else drawn


def spelled(piece: bytes) -> str:
    r"""Draw a token's bytes: as text, or as numbers where they are half a character.

    >>> spelled(b" the"), spelled(b"\xc3"), spelled("é".encode())
    ('·the', 'C3', 'é')
    """
    try:
        return standing_alone(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return piece.hex(" ").upper()


def pair_name(pair: tuple[bytes, bytes]) -> str:
    """Name a pair of neighbouring tokens.

    >>> pair_name((b" t", b"he"))
    '·t + he'
    """
    return f"{spelled(pair[0])} + {spelled(pair[1])}"
