"""Plain text of whatever text people bring: pages of the web, Word, PDF, data sets.

A text in UTF-8 stays as it is. Everything else becomes one, with a line that says what
was assumed. The texts of a data set (JSON lines or parquet with a column `text`) stay
documents: a separator that stands in none of them divides them.
"""

import json
import re
from pathlib import PurePath
from typing import Final, NamedTuple

from minigpt.datasets.forms.decoding import Decoded, decode
from minigpt.datasets.forms.html import html_text
from minigpt.datasets.forms.parquet import MAGIC, column_names, parquet_rows
from minigpt.datasets.forms.pdf import pdf_text
from minigpt.datasets.forms.rows import rows_of
from minigpt.datasets.forms.word import word_text
from minigpt.errors import DataError

TEXT_COLUMNS: Final = ("text", "content", "story", "document")
SEPARATOR: Final = "\n\n\n"
"""Between two documents; longer gaps inside one are closed."""

_ROWS = (".jsonl", ".ndjson", ".json")
_TABLES = (".csv", ".tsv")
_PAGES = (".html", ".htm", ".xhtml")
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!doctype html|<html)", re.IGNORECASE)
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file: save it as .docx",
    b"{\\rtf": "RTF: save it as .docx or as plain text",
    b"\x1f\x8b": "compressed: unpack it first",
    b"BZh": "compressed: unpack it first",
    b"7z\xbc\xaf": "compressed: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed: unpack it first",
}
_SNIFFED = 4096


class PlainText(NamedTuple):
    """A text to learn from."""

    text: str
    remark: str = ""
    """What it was and what was assumed; empty of a UTF-8 text."""
    separator: str | None = None
    """What stands between two of its documents (none: it is one)."""


def plain_text(content: bytes, name: str) -> PlainText:
    r"""Return the text of a file.

    >>> plain_text(b'{"text": "One."}\n{"text": "Two."}', "a.jsonl").text
    'One.\n\n\nTwo.'

    Args:
        content: All of it.
        name: What it is called: its ending tells a table or a page of the web.

    Raises:
        DataError: If it is damaged, encrypted, too large or holds no text.
    """
    ending = PurePath(name).suffix.lower()
    for magic, what in _OTHERS.items():
        if content.startswith(magic):
            raise DataError(f"{name} is {what}.")
    if b"%PDF-" in content[:1024]:
        return PlainText(*pdf_text(content, name))
    if content.startswith(b"PK\x03\x04"):
        return PlainText(*word_text(content, name))
    if content.startswith(MAGIC):
        return _parquet(content, name)
    decoded = _decoded(content, name)
    if ending in _PAGES or _HTML.match(decoded.text[:_SNIFFED]):
        said = f"a page of the web, its text only, {decoded.remark}".rstrip(", ")
        return PlainText(_not_blank(html_text(decoded.text), name), said)
    if ending in _TABLES or ending in _ROWS or _is_row(decoded.text):
        return _rows(content, name, decoded)
    return PlainText(*decoded)


def is_plain(beginning: str) -> bool:
    """Whether a text that begins like this is a plain one, and no page or data set.

    Args:
        beginning: Its first characters.
    """
    is_page = _HTML.match(beginning) or "%PDF-" in beginning[:1024]
    return not (is_page or _is_row(beginning))


def _decoded(content: bytes, name: str) -> Decoded:
    """Decode a text, as a page of the web says if it says so."""
    named = re.search(rb"""<meta[^>]*charset=["']?([\w-]+)""", content[:_SNIFFED], re.I)
    if named is not None:
        encoding = named[1].decode()
        try:
            text = content.decode(encoding)
            return Decoded(text.replace("\r\n", "\n"), f"read as {encoding}")
        except (LookupError, UnicodeDecodeError):
            pass  # it says something else than it is
    return decode(content, name)


def _is_row(text: str) -> bool:
    """Whether a text's first line is an object with a text in it."""
    first = text.lstrip()[: 1 << 20].partition("\n")[0]
    if not first.startswith("{"):
        return False
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _column(list(value)) is not None


def _column(names: list[str]) -> str | None:
    known = {name.strip().lower(): name for name in names if isinstance(name, str)}
    return next((known[name] for name in TEXT_COLUMNS if name in known), None)


def _rows(content: bytes, name: str, decoded: Decoded) -> PlainText:
    """Join the texts of rows, unless they have none."""
    found = rows_of(content, name)
    first = found.rows[0].value
    if isinstance(first, str):
        return _documents([row.value for row in found.rows], found.remark, name)
    names = list(first) if isinstance(first, dict) else []
    column = _column(names)
    if column is None:
        what = "without a column text, read letter by letter as it stands"
        return PlainText(decoded.text, f"{found.remark} {what}")
    texts = [
        row.value.get(column) if isinstance(row.value, dict) else None
        for row in found.rows
    ]
    return _documents(texts, f"{found.remark}, its column {column}", name)


def _parquet(content: bytes, name: str) -> PlainText:
    names = column_names(content, name)
    column = _column(names)
    if column is None:
        told = ", ".join(each[:30] for each in names[:8])
        raise DataError(
            f"{name} has the columns {told}: a text is looked for in a column called "
            f"{', '.join(TEXT_COLUMNS)}."
        )
    texts = [row[column] for _, row in parquet_rows(content, name, column)]
    return _documents(texts, f"parquet, its column {column}", name)


def _documents(texts: list[object], what: str, name: str) -> PlainText:
    """Join texts so that each ends where it does."""
    kept = [
        re.sub(r"\n{3,}", "\n\n", text.replace("\r\n", "\n").strip())
        for text in texts
        if isinstance(text, str) and text.strip()
    ]
    if not kept:
        raise DataError(f"{name} holds no text in {what}.")
    left_out = len(texts) - len(kept)
    without = f", {left_out:,} without text left out" if left_out else ""
    count = f"{len(kept):,} {'document' if len(kept) == 1 else 'documents'}"
    joined = SEPARATOR.join(kept).encode("utf-8", "replace").decode()
    return PlainText(
        joined,
        f"{what}: {count}, each ended by <eos>{without}",
        SEPARATOR,
    )


def _not_blank(text: str, name: str) -> str:
    if not text.strip():
        raise DataError(f"{name} holds no text.")
    return text
