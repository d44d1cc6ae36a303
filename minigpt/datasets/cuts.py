r"""Where a text may be cut so that its parts' tokens are the whole's tokens.

A tokenizer decides by what stands next to what. Byte pairs read white space with an eye
on the word that follows, so `a\n\n` + `b` has other tokens than `a\n\nb`; words leave
out a space between two words, so `a` + ` b` has other tokens than `a b`. One kind of
place is safe for all: **the start of a line**, if at most one white space character
stands between it and the line's first word.
"""

from collections.abc import Iterator

# A text without line ends is cut anywhere after so many characters: memory stays
# bounded, and about one token per part differs.
LONGEST_PART = 1 << 18


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


def parts(text: str, size: int = LONGEST_PART) -> Iterator[str]:
    """Cut a text into parts of at most `size` characters, at safe places if it can.

    Args:
        text: Any text; the parts joined are this text.
        size: Longest part, in characters.
    """
    start = 0
    while start < len(text):
        part = text[start : start + size]
        if start + size < len(text):
            part = part[: last_safe_cut(part) or last_resort(part)]
        yield part
        start += len(part)


def last_resort(text: str) -> int:
    """Return where to cut a text without safe places: before a space, or at the end.

    Before a space that follows a word is safe for characters and byte pairs.
    """
    place = text.rfind(" ", 1)
    return place if place > 0 and not text[place - 1].isspace() else len(text)
