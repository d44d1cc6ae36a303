"""Files that one process writes while others read them.

A small file is replaced as a whole (see `minigpt.atomic_writes`). A *journal* only
grows, one JSON object per line: a reader remembers how far it has read, and ignores a
line until its newline is written.

A resumed run goes back to its last checkpoint and repeats some steps. The journal is
not truncated, because a reader may already be past that point; instead a line
`{"restart": S}` declares every earlier record with a step beyond S void. `read_journal`
applies this rule, so a reader sees each step once.
"""

import json
import math
import os
from pathlib import Path
from typing import IO, Any, NamedTuple


class JournalChunk(NamedTuple):
    """New records of a journal, and which earlier ones to drop."""

    records: list[dict[str, Any]]
    """In the order written, each step once."""
    offset: int
    """Where the next read starts, in bytes."""
    restart: int | None
    """If not None: drop what you already have beyond this step, then add `records`."""


class Journal:
    """The writing end of a journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] = path.open("a", encoding="utf-8")
        if self._ends_mid_line():
            self._file.write("\n")

    def append(self, record: dict[str, Any]) -> None:
        """Add one record; it is visible to readers when this returns."""
        finite = {
            key: None if type(value) is float and not math.isfinite(value) else value
            for key, value in record.items()
        }
        self._file.write(json.dumps(finite, ensure_ascii=False) + "\n")
        self._file.flush()

    def restart(self, step: int) -> None:
        """Declare all earlier records of steps beyond `step` void."""
        self.append({"restart": step})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _ends_mid_line(self) -> bool:
        """Whether a killed writer left an incomplete last line."""
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


def read_journal(path: Path, offset: int = 0) -> JournalChunk:
    """Read what was added to a journal since `offset`.

    Args:
        path: The journal; a missing one is empty.
        offset: What an earlier call returned, in bytes.

    Returns:
        The new records, the next offset, and how far back a resumed run went.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return JournalChunk([], offset, None)
    whole = data[: data.rfind(b"\n") + 1]
    records: list[dict[str, Any]] = []
    restart: int | None = None
    for line in whole.splitlines():
        record = _parse(line)
        if record is None:
            continue
        if "restart" in record:
            step: int = record["restart"]
            records = [kept for kept in records if kept.get("step", 0) <= step]
            restart = step if restart is None else min(restart, step)
        else:
            records.append(record)
    return JournalChunk(records, offset + len(whole), restart)


def _parse(line: bytes) -> dict[str, Any] | None:
    """Parse one line; a torn one, left by a killed writer, is None.

    So is one that no writer of ours has written: a run from a bucket may be anybody's.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    steps = (record.get("step", 0), record.get("restart", 0))
    return record if all(type(step) is int for step in steps) else None
