r"""Bytes into text: which encoding they are in, and one line where that was a guess.

UTF-8 is read as it is. A byte order mark names UTF-8, UTF-16 or UTF-32. UTF-16 without
one shows by its zero bytes. What remains, if it looks like a European text, is read as
Windows-1252, which is a guess, and so it is said.
"""

import codecs
import re
from typing import Final, NamedTuple

from minigpt.datasets.files.text_file import TextFile
from minigpt.errors import DataError

LARGEST: Final = 1 << 28
"""Bytes of a file that is held in memory as a whole."""

_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_FEW = 0.25
"""Letters of a European text that are not ASCII, at most, as a share of its bytes."""


class Decoded(NamedTuple):
    r"""A text whose lines end with `\n`."""

    text: str
    remark: str = ""
    """What was assumed, as a clause: `read as UTF-16`; empty of UTF-8."""


def read_decoded(file: TextFile) -> Decoded:
    """Read a whole file in the encoding that it seems to be in.

    Args:
        file: The file.

    Raises:
        DataError: If it is larger than 268 million bytes, or no text.
    """
    return decode(file.contents(LARGEST), str(file.path))


def decode(content: bytes, name: str) -> Decoded:
    r"""Decode a text.

    >>> decode("naïve".encode("cp1252"), "a.txt").text
    'naïve'
    >>> decode("one\r\ntwo".encode("utf-16"), "b.txt")
    Decoded(text='one\ntwo', remark='read as UTF-16')

    Args:
        content: All of it.
        name: What the file is called, for errors.

    Raises:
        DataError: If it is no text, or in an encoding that cannot be told.
    """
    encoding = _encoding(content, name)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not {encoding.upper()} text: byte {error.start} does not "
            "belong there. Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise DataError(f"{name} is not text: it holds zero characters.")
    remark = {
        "utf-8": "",
        "utf-8-sig": "",
        "cp1252": "not UTF-8, so read as Windows-1252 (if letters with accents look "
        "wrong, save it as UTF-8)",
    }.get(encoding, f"read as {encoding[:6].upper()}")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), remark)


def _encoding(content: bytes, name: str) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    if b"\0" in content:
        return _utf16(content, name)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        _require_windows_1252(content, name, error)
        return "cp1252"
    return "utf-8"


def _utf16(content: bytes, name: str) -> str:
    """Tell UTF-16 without a mark from binary data by where its zero bytes are."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    half = len(content) / 2
    if len(content) % 2 == 0 and max(even, odd) > half / 2 and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    raise DataError(
        f"{name} is not text: byte {content.index(0)} is zero. If it is text, save it "
        "as UTF-8."
    )


def _require_windows_1252(content: bytes, name: str, error: UnicodeDecodeError) -> None:
    """Check that a text which is not UTF-8 may be a European one in one byte a letter.

    Raises:
        DataError: If it is UTF-8 that was damaged, binary, or in another encoding.
    """
    where = f"byte {error.start} is 0x{content[error.start]:02x}"
    line = content.count(b"\n", 0, error.start) + 1
    refusal = DataError(
        f"{name} is not UTF-8 text: {where} (line {line}), and its encoding cannot be "
        "told. If it is text, save it as UTF-8."
    )
    damaged = content.decode("utf-8", errors="replace")
    good = sum(c > "\x7f" and c != "\ufffd" for c in damaged)
    high = sum(byte > 0x7F for byte in content)
    is_binary = _BINARY.search(content) or high > _FEW * len(content)
    if good > damaged.count("\ufffd") or is_binary:
        raise refusal
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        raise refusal from None
