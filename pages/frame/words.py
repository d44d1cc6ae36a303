"""Quantities in words, with two or three digits and a unit; and texts as they are."""

import re
from collections.abc import Sequence

from viz.tokens import display_piece

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~$<>:&])|[*`]")
_MARKS = re.compile(r"[\\`*_{}\[\]()#+\-.!|~$<>:&]")


def count(number: float) -> str:
    """Say how many, briefly.

    >>> [count(n) for n in (950, 12_345, 806_912, 3_400_000)]
    ['950', '12 k', '807 k', '3.4 M']
    """
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= limit * 0.9995:
            value = number / limit
            return f"{value:.0f}{unit}" if value >= 9.95 else f"{value:.1f}{unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """Say how long.

    >>> [duration(s) for s in (0.4, 42, 200, 5400, 200_000)]
    ['1 s', '42 s', '3 min', '1.5 h', '2.3 days']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def times(part: float, whole: float) -> str:
    """Say how many times one quantity is another.

    >>> times(5_000, 2_000), times(3_120, 10), times(48_123, 10)
    ('2.5 times', '312 times', '4,810 times')
    """
    ratio = part / max(whole, 1)
    if ratio < 9.95:
        return f"{ratio:.2g} times"
    return f"{float(f'{ratio:.3g}'):,.0f} times"


def plain(text: str) -> str:
    r"""Return Markdown that shows a text as it was typed.

    >>> plain("*a* $b$")
    '\\*a\\* \\$b\\$'
    """
    return _MARKS.sub(r"\\\g<0>", text)


def bare(markdown: str) -> str:
    r"""Return the text that Markdown of ours shows, without its marks.

    >>> bare(r"Does **\*a\*** read `k`?")
    'Does *a* read k?'
    """
    return _ESCAPED.sub(lambda found: found[1] or "", markdown)


def quoted(piece: str) -> str:
    """Quote a token's text in a sentence of plain text.

    >>> quoted(" kite")
    '“·kite”'
    """
    return f"“{display_piece(piece)}”"


def number(value: float, decimals: int = 2) -> str:
    """Write a number in a sentence of plain text, with a true minus sign.

    >>> number(-0.304), number(-0.001)
    ('−0.30', '0.00')

    Args:
        value: Any number.
        decimals: How many; what rounds to zero has no sign.
    """
    return f"{value:z.{decimals}f}".replace("-", "−")


def within(prompt: str | None) -> str:
    """Say in which prompt a question is meant: Markdown to begin it with.

    >>> within("the cat"), within(None)
    ('In “the cat”: ', '')

    Args:
        prompt: None: the one on the screen, which needs no name.
    """
    return "" if prompt is None else f"In “{plain(prompt)}”: "


def told_apart(values: Sequence[float], least: int = 2) -> list[str]:
    """Write numbers with as many decimals as tell each from every other.

    >>> told_apart([0.501, 0.5, 0.25])
    ['0.501', '0.500', '0.250']

    Args:
        values: Numbers; equal ones get equal texts.
        least: Decimals at least.
    """
    for decimals in range(least, 12):
        found = [f"{value:.{decimals}f}" for value in values]
        if len(set(found)) == len(set(values)):
            return found
    return [repr(value) for value in values]
