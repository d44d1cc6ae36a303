"""The rows of a file: JSON lines, a JSON list, a table (CSV, TSV) or parquet.

Which of them it is, its contents tell, not its name: an upload has lost it, and people
call JSON lines `.json`. Every row knows the line where it begins.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, Final, NamedTuple

from minigpt.datasets.files.text_file import TextFile
from minigpt.datasets.forms.columns import SINGLE
from minigpt.datasets.forms.decoding import LARGEST, Decoded, decode
from minigpt.datasets.forms.parquet import MAGIC, parquet_rows
from minigpt.errors import DataError

_SEPARATORS: Final = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}


class Row(NamedTuple):
    """One example, as it was brought."""

    where: str
    """`line 3`."""
    value: Any


class Rows(NamedTuple):
    """All examples of a file."""

    rows: list[Row]
    remark: str
    """What the file is: `CSV with semicolons`; with its encoding, if not UTF-8."""


def read_rows(path: Path) -> Rows:
    """Read a file's rows.

    Args:
        path: The file.

    Raises:
        DataError: If there is no such file, or it is damaged, empty or of another kind.
    """
    return rows_of(TextFile(path).contents(LARGEST), str(path))


def rows_of(content: bytes, path: str) -> Rows:
    """Read the rows of a file's contents.

    Args:
        content: All bytes.
        path: What the file is called, for errors.

    Raises:
        DataError: If it is damaged, empty or of another kind.
    """
    if content.startswith(MAGIC):
        found: Iterable[tuple[str, Any]] = parquet_rows(content, path)
        return Rows([Row(*each) for each in found], "parquet")
    text, encoding = decode(content, path)
    first = text.lstrip()[:1]
    if not first:
        raise DataError(f"{path} is empty: give a file with some examples in it.")
    try:
        if first == "[":
            kind, numbered = _lists(text)
        elif first == "{":
            kind, numbered = _objects(text)
        else:
            kind, numbered = _table(text)
        rows = _named(list(numbered))
    except JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: {error.msg}. Write one JSON object per "
            "line, or a list of them."
        ) from None
    except RecursionError:
        raise DataError(f"{path} is nested too deeply.") from None
    except (DataError, ValueError, csv.Error) as error:
        raise DataError(f"{path}, {error}") from None
    if not rows:
        raise DataError(f"{path} holds no example.")
    return Rows(rows, f"{kind}, {encoding}" if encoding else kind)


def _named(numbered: list[tuple[int, Any]]) -> list[Row]:
    """Name each row by its line, or by its number where all stand in one line."""
    if len({line for line, _ in numbered}) == 1 and len(numbered) > 1:
        return [Row(f"row {n}", value) for n, (_, value) in enumerate(numbered, 1)]
    return [Row(f"line {line}", value) for line, value in numbered]


def as_text(content: bytes, name: str) -> Decoded:
    """Return a file of rows as text that can be kept: parquet becomes JSON lines.

    Args:
        content: All bytes.
        name: What the file is called, for errors.

    Raises:
        DataError: If it is damaged, or no text.
    """
    if not content.startswith(MAGIC):
        return decode(content, name)
    rows = (json.dumps(row, default=str) for _, row in parquet_rows(content, name))
    return Decoded("\n".join(rows), "parquet, kept as JSON lines")


def _objects(text: str) -> tuple[str, Iterable[tuple[int, Any]]]:
    """Read an object per line, or one object over many lines that holds the list."""
    try:
        lines = list(_lines(text))
    except JSONDecodeError:
        try:
            whole = json.loads(text)
        except JSONDecodeError:
            whole = None
        if whole is None:
            raise
        lines = [(1, whole)]
    if len(lines) == 1 and (name := _list_inside(lines[0][1])):
        return f"the list {name!r:.40} of a JSON object", [
            (number, each) for number, each in enumerate(lines[0][1][name], start=1)
        ]
    return "JSON lines", lines


def _list_inside(value: Any) -> str | None:
    """Return the name under which one object holds a whole file's rows."""
    for name in ("data", "train", "examples", "rows"):
        rows = value.get(name)
        if isinstance(rows, list) and all(isinstance(each, dict) for each in rows):
            return name
    return None


def _lists(text: str) -> tuple[str, Iterable[tuple[int, Any]]]:
    """Read one list of rows, or a list (the turns of a conversation) per line."""
    rest = text.lstrip().partition("\n")
    if rest[0].rstrip().endswith("]") and rest[2].lstrip().startswith("["):
        return "JSON lines", _lines(text)
    return "a JSON list", _elements(text)


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the object of each line that is not blank, with the line's number."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except JSONDecodeError as error:
                error.lineno = number
                raise
            except ValueError:  # a number of too many digits
                raise DataError(f"line {number}: a number is too long.") from None


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    """Yield each element of a list, with the number of the line where it begins."""
    decoder, place, line, counted = JSONDecoder(), text.index("[") + 1, 1, 0
    place = _skip_space(text, place)
    while text[place : place + 1] != "]":
        value, end = decoder.raw_decode(text, place)
        line += text.count("\n", counted, place)
        counted = place
        yield line, value
        place = _skip_space(text, end)
        if text[place : place + 1] == ",":
            place = _skip_space(text, place + 1)
        elif text[place : place + 1] != "]":
            raise JSONDecodeError("expecting ',' or ']'", text, place)
    if text[place + 1 :].strip():
        raise JSONDecodeError("there is more after the list", text, place + 1)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _table(text: str) -> tuple[str, Iterable[tuple[int, Any]]]:
    """Read a table whose first line names the columns."""
    head = text.lstrip("\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    is_single = head.strip().strip('"').lower() in SINGLE
    if separator not in head and not is_single:
        raise DataError(
            f"line 1: {head.strip()[:60]!r} begins no form that is known here: JSON "
            "lines, a JSON list, or a table (CSV, TSV) whose first line names its "
            "columns."
        )
    separator = "," if is_single else separator
    reader = csv.reader(io.StringIO(text.lstrip("\n")), delimiter=separator)
    skipped = len(text) - len(text.lstrip("\n"))
    names = [name.strip() for name in next(reader)]
    if len({name.lower() for name in names}) < len(names):
        raise DataError(f"line {skipped + 1}: two columns have the same name.")
    rows, begin = [], skipped + reader.line_num + 1
    for fields in reader:
        if len(fields) > len(names) or (fields and len(fields) < len(names)):
            raise DataError(
                f"line {begin}: {len(fields)} fields where the first line names "
                f"{len(names)} columns."
            )
        if fields:
            rows.append((begin, dict(zip(names, fields, strict=True))))
        begin = skipped + reader.line_num + 1
    return f"a table with {_SEPARATORS[separator]}", rows
