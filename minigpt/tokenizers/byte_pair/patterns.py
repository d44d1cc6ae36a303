r"""Patterns that other tokenizers cut texts by, where Python reads them as they do.

Files of others hold patterns for Oniguruma, the engine of Ruby, and Python's `regex` is
another engine. Most patterns mean the same to both. Some do not: `$` ends a line there
and a text here, `\h` is a digit there and a space here. So a pattern is taken only if
it is made of what both understand alike.
"""

import regex  # type: ignore[import-untyped]

from minigpt.errors import CheckpointError, DataError
from minigpt.tokenizers.byte_pair.pretokens import PATTERN

GPT2 = PATTERN.pattern
"""GPT-2's pattern, as `pretokens` writes it."""
_SPELLINGS_OF_GPT2 = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
)
_ESCAPE = r"\\(?:[pP]\{\^?\w+\}|[sSdDrntfv]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[^\w])"
_READ_ALIKE = regex.compile(
    rf"""(?: {_ESCAPE}
    | \[\^?(?:{_ESCAPE}|[^\[\]\\])+\]          # a set, with no set inside
    | \((?:\?(?:i?:|!|=|<!|<=))?               # groups and looks, ahead or behind
    | \{{\d+(?:,\d*)?\}}(?!\+)                 # Ruby's {{1,3}}+ is not possessive
    | [)|?*+.]
    | [^\\()\[\]{{}}.^$|?*+]                   # any letter that means itself
    )*+""",
    regex.VERBOSE,
)
_SECONDS, _SECONDS_PER_LETTER = 10.0, 1e-4


def compiled(pattern: str) -> regex.Pattern:
    r"""Compile a pattern that came with a file.

    >>> compiled(r"\p{N}{1,3}").findall("12345")
    ['123', '45']

    Raises:
        CheckpointError: If it may mean something else here than where it came from.
    """
    if _READ_ALIKE.fullmatch(pattern) and "&&" not in pattern:
        try:
            return regex.compile(pattern)
        except (regex.error, OverflowError, RecursionError):
            pass
    raise CheckpointError(
        f"the pattern {pattern!r:.60} may mean something else to Python than to "
        "Oniguruma, for which it was written."
    )


def known_spelling(pattern: str) -> str:
    """Return GPT-2's pattern for any usual way of writing it, others as they are."""
    return GPT2 if pattern in _SPELLINGS_OF_GPT2 else pattern


def cut(text: str, pattern: regex.Pattern, keeps_rest: bool) -> list[str]:
    r"""Cut a text into the matches of a pattern and what stands between them.

    >>> cut("ab12c", regex.compile(r"\p{N}"), keeps_rest=True)
    ['ab', '1', '2', 'c']

    Args:
        text: What to cut.
        pattern: Where.
        keeps_rest: Whether what stands between matches is kept.

    Raises:
        DataError: If the pattern takes far too long: some need years for some texts.
    """
    pieces, end = [], 0
    limit = _SECONDS + _SECONDS_PER_LETTER * len(text)
    try:
        for match in pattern.finditer(text, timeout=limit):
            if keeps_rest and end < match.start():
                pieces.append(text[end : match.start()])
            if match.end() > match.start():
                pieces.append(match.group())
            end = match.end()
    except TimeoutError:
        raise DataError(
            f"The tokenizer's pattern {pattern.pattern!r:.60} took more than "
            f"{limit:.0f} seconds on this text: use another model or a shorter text."
        ) from None
    if keeps_rest and end < len(text):
        pieces.append(text[end:])
    return pieces
