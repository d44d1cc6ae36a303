"""GPT-2's first cut: a text into words with the space before them.

Byte pairs are merged only inside these *pretokens*, so no token spans two words. That
keeps tokens meaningful, and makes training fast: a pretoken that occurs a thousand
times is merged once.

Source: Radford et al., 2019, "Language Models are Unsupervised Multitask Learners",
`encoder.py` of the published code, whose pattern this is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import regex  # type: ignore[import-untyped]

PATTERN = regex.compile(
    r"'(?:[sdmt]|ll|ve|re)"  # the ends of I'm, she'll, we've …
    r"| ?\p{L}+"  # letters, with one space before
    r"| ?\p{N}+"  # digits
    r"| ?[^\s\p{L}\p{N}]+"  # anything else that can be seen
    r"|\s+(?!\S)"  # spaces, except the last one before a word
    r"|\s+"
)
_WORD_ENDS = regex.compile(r"(?<=\S)(?=\s)")
_PART = 2**18


def pretokens(text: str) -> Iterator[list[str]]:
    r"""Cut a text into pretokens, a list for each part of a long text.

    >>> list(pretokens("Don't stop  now!"))
    [['Don', "'t", ' stop', ' ', ' now', '!']]

    A part ends where a word does: no pretoken crosses from a word into the space
    behind it, so the parts give the same pretokens as the whole, in little memory.

    Args:
        text: The text.

    Yields:
        The pretokens of one part; joined, they are the text.
    """
    start = 0
    while len(text) - start > _PART:
        ends = _WORD_ENDS.search(text, start + _PART)
        if ends is None:
            break
        yield PATTERN.findall(text, start, ends.start())
        start = ends.start()
    yield PATTERN.findall(text, start)


def count_pretokens(texts: Iterable[str]) -> Counter[str]:
    """Count how often each pretoken occurs in texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        for part in pretokens(text):
            counts.update(part)
    return counts
