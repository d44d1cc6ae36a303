"""A figure's numbers as a file, JSON or CSV, with what they are about at its top."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

About = Mapping[str, str | int | None]
"""What a figure is about, in words: its title, model, training step and caption."""


def as_json(numbers: Any, about: About) -> str:
    """Write a figure's numbers under `numbers`, beside what they are about.

    Args:
        numbers: An array, or numbers in lists and dictionaries. What is not a number
            becomes null.
        about: Further fields.
    """
    return json.dumps({**about, "numbers": _plain(numbers)}, ensure_ascii=False)


def as_csv(numbers: Any, about: About) -> str:
    """Write a figure's numbers as a table, under lines that begin with `#`.

    Values in a row and rows of equal length are a table as they stand, with the places
    counted from 0. Anything deeper has one line per number, after its place on every
    axis.

    >>> print(as_csv([[1.0, None], [0.25, 0.75]], {"step": 8}), end="")
    # step: 8
    row,0,1
    0,1.0,
    1,0.25,0.75

    Args:
        numbers: See `as_json`. What is not a number is left empty.
        about: Lines for the top. `pandas.read_csv(…, comment="#")` skips them.
    """
    file = io.StringIO()
    for name, value in about.items():
        words = " ".join(str("" if value is None else value).split())
        file.write(f"# {name}: {words}\n")
    csv.writer(file, lineterminator="\n").writerows(
        [_cell(value) for value in row] for row in _rows(_plain(numbers))
    )
    return file.getvalue()


def _plain(value: Any) -> Any:
    """Turn arrays into lists, and numbers that JSON lacks into None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    is_number = not isinstance(value, float) or math.isfinite(value)
    return value if is_number else None


def _rows(numbers: Any) -> Iterator[Sequence[Any]]:
    names = list(numbers) if isinstance(numbers, dict) else None
    values = list(numbers.values()) if isinstance(numbers, dict) else numbers
    if not isinstance(values, list):
        yield from [["value"], [values]]
        return
    rows = names if names is not None else range(len(values))
    if not any(isinstance(each, list | dict) for each in values):
        yield ["name" if names is not None else "place", "value"]
        yield from zip(rows, values, strict=True)
        return
    if all(_is_row(each, values[0]) for each in values):
        yield ["row", *range(len(values[0]))]
        for row, each in zip(rows, values, strict=True):
            yield [row, *each]
        return
    lines = list(_leaves(numbers))
    depth = max((len(place) for place, _ in lines), default=0)
    yield [*(f"axis_{axis}" for axis in range(depth)), "value"]
    for place, value in lines:
        yield [*place, *[""] * (depth - len(place)), value]


def _is_row(value: Any, first: Any) -> bool:
    """Whether it is a list of plain values, as long as the first."""
    if not (isinstance(value, list) and isinstance(first, list)):
        return False
    return len(value) == len(first) and not any(
        isinstance(each, list | dict) for each in value
    )


def _leaves(
    value: Any, place: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Go through all numbers, each with the way to it."""
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inside:
            yield from _leaves(each, (*place, name))
    else:
        yield place, value


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from taking a token or a name for a formula."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t"))
    return f"'{value}" if is_formula else value
