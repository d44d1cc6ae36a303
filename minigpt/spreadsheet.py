"""A table as CSV, which a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Iterable, Sequence


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    r"""Write rows as CSV; a cell that a spreadsheet takes for a formula gets a quote.

    >>> as_csv([["name", "score"], ["=HYPERLINK()", "3"]])
    "name,score\r\n'=HYPERLINK(),3\r\n"

    Args:
        rows: The cells of each row, the header first.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerows(map(_harmless, row) for row in rows)
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
