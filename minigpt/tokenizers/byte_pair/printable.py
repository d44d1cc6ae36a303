"""A visible letter for each byte, as GPT-2's files write them.

JSON holds text, tokens are bytes, and half a character is no text. So GPT-2 writes each
byte as one letter: visible ASCII and Latin-1 as themselves, the 68 others (space, line
end, control codes) as the letters from U+0100 on. A space is `Ġ`, a line end `Ċ`.

Source: Radford et al., 2019, `bytes_to_unicode` of GPT-2's `encoder.py`.
"""

_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in set(_VISIBLE)]

BYTE_ORDER = (*_VISIBLE, *_OTHERS)
"""The bytes in the order of their letters: the order of GPT-2's first 256 tokens."""

_LETTER_OF = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(0x100 + place) for place, byte in enumerate(_OTHERS)
}
_BYTE_OF = {letter: byte for byte, letter in _LETTER_OF.items()}
_LATIN1_TO_LETTERS = {byte: ord(letter) for byte, letter in _LETTER_OF.items()}


def to_printable(piece: bytes) -> str:
    r"""Write bytes as letters.

    >>> to_printable(b" the\n")
    'ĠtheĊ'
    """
    return piece.decode("latin-1").translate(_LATIN1_TO_LETTERS)


def from_printable(letters: str) -> bytes | None:
    """Read letters as bytes; None if they are not of the 256 letters."""
    try:
        return bytes([_BYTE_OF[letter] for letter in letters])
    except KeyError:
        return None
