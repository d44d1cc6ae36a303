"""Numbers as they are printed, and whether each is what it should be, to the digit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(
    r"(?<![\w.])(?P<digits>[+−-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"(?: (?P<unit>[kMG])(?=B\b|\** (?:parameters|tokens|weights|operations)))?"
)
PRINTED = re.compile(r"(?P<digits>\S+?)(?: (?P<unit>[kMG]))?")
UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True)
class Below:
    """What is only rounding, and so has no digits of its own."""

    limit: float


@dataclass(frozen=True)
class Answer:
    """What a question's answer is, worked out apart from the page."""

    right: str | float
    """The option's text, or the number that it begins with."""
    said: tuple[float | Below, ...] = ()
    """Every number in the question and its explanation, in order."""


def plain_text(markdown: str) -> str:
    r"""Take back what `words.plain` wrote.

    >>> plain_text(r"\-3\.5 \*")
    '-3.5 *'
    """
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!|~$<>:&])", r"\1", markdown)


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text; those in names, as `L0H1`, are none."""
    return [found[0] for found in NUMBER.finditer(plain_text(text))]


def is_near(printed: str, value: float | Below) -> bool:
    """Whether a printed number is a value, as far as it has digits."""
    found = PRINTED.fullmatch(printed)
    assert found is not None, printed
    digits = found["digits"].replace(",", "").replace("−", "-")
    times = UNITS.get(found["unit"] or "", 1.0)
    if isinstance(value, Below):
        return abs(float(digits)) < value.limit
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - decimals) * times
    room = 0.5 * unit + 3e-6 * max(1.0, abs(value))
    return abs(float(digits) * times - value) <= room


def assert_said(text: str, expected: Sequence[float | Below], where: str) -> None:
    """Require the numbers of a text to be the expected ones, in their order."""
    found = numbers_in(text)
    assert len(found) == len(expected), (
        f"{where}: {text!r} has the numbers {found}, expected {list(expected)}"
    )
    for printed, value in zip(found, expected, strict=True):
        assert is_near(printed, value), (
            f"{where}: {text!r} says {printed}, and it is {value}"
        )


def option_of(answer: Answer, options: Sequence[str], where: str) -> int:
    """Return which option an answer is; it must be exactly one."""
    shown = [plain_text(option) for option in options]
    if isinstance(answer.right, str):
        fits = [n for n, option in enumerate(shown) if option == answer.right]
    else:
        firsts = [next(iter(numbers_in(option)), None) for option in shown]
        fits = [
            n
            for n, first in enumerate(firsts)
            if first is not None and is_near(first, answer.right)
        ]
    assert len(fits) == 1, f"{where}: of {shown}, {answer.right!r} is {len(fits)} times"
    return fits[0]
