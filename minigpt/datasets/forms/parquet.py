"""Parquet, the form in which most data sets are kept: its rows, batch by batch.

A parquet file is compressed: a small one may hold more than memory has. So its own
statement of its size is read first, and what arrives is counted too.
"""

import io
from collections.abc import Iterator
from typing import Any, Final

from minigpt.errors import DataError

MAGIC: Final = b"PAR1"
"""The first four bytes of every parquet file."""

MOST: Final = 1 << 30
"""Bytes of unpacked columns, at most."""
_BATCH = 256


def parquet_rows(
    content: bytes, name: str, column: str | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield each row as a dictionary, with its number as `row 3`.

    Args:
        content: The whole file.
        name: What it is called, for errors.
        column: Read this column only.

    Raises:
        DataError: If it is damaged, or unpacks to more than a gibibyte.
    """
    import pyarrow
    from pyarrow import parquet

    too_large = DataError(
        f"{name} unpacks to more than {MOST:,} bytes: divide it, or keep the columns "
        "that are needed."
    )
    number = num_bytes = 0
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        groups = (file.metadata.row_group(n) for n in range(file.num_row_groups))
        if sum(group.total_byte_size for group in groups) > MOST:
            raise too_large
        columns = None if column is None else [column]
        for batch in file.iter_batches(_BATCH, columns=columns, use_threads=False):
            num_bytes += batch.nbytes
            if num_bytes > MOST:
                raise too_large
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{name} is a damaged parquet file: {reason}.") from None


def column_names(content: bytes, name: str) -> list[str]:
    """Return the names of a parquet file's columns.

    Raises:
        DataError: If it is damaged.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(io.BytesIO(content)).names)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{name} is a damaged parquet file: {reason}.") from None
