r"""Where a text may be cut so that its parts' tokens are the whole's tokens.

A tokenizer decides by what stands next to what. Byte pairs read white space with an eye
on the word that follows, so `a\n\n` + `b` has other tokens than `a\n\nb`; words leave
out a space between two words, so `a` + ` b` has other tokens than `a b`. One kind of
place is safe for all: **the start of a line**, if at most one white space character
stands between it and the line's first word.
"""

from collections.abc import Iterable, Iterator

# A text without line ends is cut anywhere after so many characters: memory stays
# bounded, and about one token per part differs.
LONGEST_PART = 1 << 18

_PLACES = 64
"""Of a text, at least, that a sample comes from."""


def last_safe_cut(text: str) -> int:
    r"""Return the last place where a text may be cut, 0 if there is none.

    >>> last_safe_cut("one\ntwo\n\nthree"), last_safe_cut("one two")
    (8, 0)
    """
    place = text.rfind("\n", 0, len(text) - 1) + 1
    while place > 1:
        if _is_safe(text, place):
            return place
        place = text.rfind("\n", 0, place - 1) + 1
    return 0


def _is_safe(text: str, place: int) -> bool:
    """Say whether the line that starts here may begin a part."""
    first, second = text[place], text[place + 1 : place + 2]
    if first in "\n ":
        return second != "" and not second.isspace()
    return not first.isspace() and not text[place - 2].isspace()


def parts(text: str | Iterable[str], size: int = LONGEST_PART) -> Iterator[str]:
    """Cut a text into parts of at most `size` characters, at safe places if it can.

    Args:
        text: Any text, or the blocks of one that is read bit by bit; the parts joined
            are this text, and do not depend on the blocks.
        size: Longest part, in characters.
    """
    rest = ""
    for block in _blocks(text, size):
        rest += block
        while len(rest) > size:
            part = _first_part(rest, size)
            yield part
            rest = rest[len(part) :]
    if rest:
        yield rest


def documents(
    text: str | Iterable[str], separator: str | None, size: int = LONGEST_PART
) -> Iterator[tuple[str, bool]]:
    """Cut a text where its documents end, and long documents into parts.

    >>> list(documents("one%two%", "%"))
    [('one', True), ('two', True), ('', False)]

    Args:
        text: Any text, or the blocks of one that is read bit by bit.
        separator: What stands between two documents; it is left out (none: the text
            is one document that does not end).
        size: Longest part, in characters.

    Yields:
        A part, and whether its document ends with it.
    """
    if separator is None:
        yield from ((part, False) for part in parts(text, size))
        return
    # A separator may have begun with the last characters that were read.
    begun = len(separator) - 1
    rest = ""
    for block in _blocks(text, size):
        *ended, rest = (rest + block).split(separator)
        for document in ended:
            *before, last = list(parts(document, size)) or [""]
            yield from ((part, False) for part in before)
            yield last, True
        while len(rest) > size + begun:
            part = _first_part(rest, size)
            yield part, False
            rest = rest[len(part) :]
    yield rest, False


def sample(text: str | Iterable[str], length: int, most: int) -> Iterator[str]:
    """Take parts from all over a text, or all of a short one.

    Args:
        text: Any text, or the blocks of one that is read bit by bit.
        length: Its characters.
        most: Characters to take, about.
    """
    place = taken = 0
    for part in parts(text, min(LONGEST_PART, -(-most // _PLACES))):
        place += len(part)
        if length <= most or taken < most * place / length:
            taken += len(part)
            yield part


def _blocks(text: str | Iterable[str], size: int) -> Iterable[str]:
    """Give a whole text in blocks, too: a rest that is long would be copied often."""
    if not isinstance(text, str):
        return text
    return (text[start : start + size] for start in range(0, len(text), size))


def _first_part(text: str, size: int) -> str:
    part = text[:size]
    return part[: last_safe_cut(part) or last_resort(part)]


def last_resort(text: str) -> int:
    """Return where to cut a text without safe places: before a space, or at the end.

    Before a space that follows a word is safe for characters and byte pairs.
    """
    place = text.rfind(" ", 1)
    return place if place > 0 and not text[place - 1].isspace() else len(text)
