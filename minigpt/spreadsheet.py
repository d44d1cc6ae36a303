"""Tables for a spreadsheet, in which nothing that somebody wrote becomes a formula."""

import csv
import io
from collections.abc import Iterable, Sequence


def to_csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    r"""Write a table as CSV (RFC 4180); None is an empty cell.

    >>> to_csv(("name", "right"), [("=A1", 1)])
    "name,right\r\n'=A1,1\r\n"
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(header)
    table.writerows(map(_harmless, row) for row in rows)
    return out.getvalue()


def _harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return cell
