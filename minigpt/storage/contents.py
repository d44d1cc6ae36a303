"""The list of a run's files in a bucket: `contents.json`.

A file is a sequence of pieces, each named by the SHA-256 of its bytes. A journal that
grows gets another piece; two equal files share theirs. Whoever reads it trusts nothing:
names are those of a run's directory and no others, sizes have limits, and a piece that
is not what its name says is refused.
"""

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.place import ATTEMPT

CONTENTS = "contents.json"
TEXT = "text.txt"
"""The text that the run learns from, which a machine elsewhere does not have."""
JOURNALS: Final = ("metrics.jsonl", "samples.jsonl", "log.txt")
"""Files that only grow."""
_MOST_BYTES = 2**24
_MOST_FILES, _MOST_PIECES = 20_000, 1_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANY_PIECE = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16})?")
_CHECKPOINT = r"(checkpoints|film)/(checkpoint_(step|epoch)_\d{1,12}|best_model)/"
_LIMITS: Final = (
    (r"(config|status)\.json", 2**20),
    (r"curves\.svg", 2**25),
    (r"metrics\.jsonl|samples\.jsonl|log\.txt|snapshots/probe\.json", 2**28),
    (TEXT, 2**36),
    (
        _CHECKPOINT + r"(config|tokenizer|trainer|adapter)\.json",
        2**25,
    ),
    (
        _CHECKPOINT + r"(model|optimizer|adapter)\.safetensors",
        2**36,
    ),
    (r"snapshots/step_\d{1,12}\.safetensors", 2**28),
)
"""What a run's files are called, and the largest size of each, in bytes."""


class Piece(NamedTuple):
    """A part of a file, or all of it."""

    sha256: str
    size: int
    """In bytes."""

    @property
    def name(self) -> str:
        """Return its object's name."""
        return f"pieces/{self.sha256}"


Files = dict[str, tuple[Piece, ...]]
"""Each file's pieces, by its path in the run's directory."""


class Contents(NamedTuple):
    """A run's files at one moment."""

    attempt: str
    """Which training of the run has written them."""
    files: Files

    @property
    def pieces(self) -> set[Piece]:
        """Return the pieces of all files."""
        return {piece for pieces in self.files.values() for piece in pieces}

    def to_bytes(self) -> bytes:
        """Return them as JSON."""
        return json.dumps(self._asdict(), indent=0).encode()


def limit_of(name: str) -> int | None:
    """Return the largest size of a run's file, in bytes; None: a run has none such.

    >>> limit_of("status.json"), limit_of("../status.json"), limit_of("lock")
    (1048576, None, None)
    """
    for pattern, limit in _LIMITS:
        if re.fullmatch(pattern, name, re.ASCII):
            return limit
    return None


def pieces_in(bucket: Bucket) -> set[str]:
    """Return the names of the pieces in a bucket, those begun included, and no others.

    Raises:
        StorageError: If it cannot be listed.
    """
    return {name for name in bucket.names("pieces") if _ANY_PIECE.fullmatch(name)}


def read_contents(bucket: Bucket) -> Contents | None:
    """Return what a bucket has of a run; None: nothing.

    Raises:
        StorageError: If it cannot be read, or is not what a run's files are.
    """
    data = bucket.read(CONTENTS, _MOST_BYTES)
    return None if data is None else parse_contents(data, bucket.url)


def parse_contents(data: bytes, url: str) -> Contents:
    """Read a list of files that anybody may have written.

    Args:
        data: As of `Contents.to_bytes`.
        url: Where it was found.

    Raises:
        StorageError: If it is not the list of a run's files.
    """
    try:
        found = json.loads(data)
        files = {name: _pieces(name, each) for name, each in found["files"].items()}
        attempt = found["attempt"]
        if len(files) > _MOST_FILES or not ATTEMPT.fullmatch(attempt):
            raise ValueError("too many files, or no attempt")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(f"{url}/{CONTENTS} is damaged ({error!r:.80}).") from None
    for name, pieces in files.items():
        limit = limit_of(name)
        if limit is None:
            raise StorageError(f"{url} holds {name!r:.80}, which no run has: refused.")
        if sum(piece.size for piece in pieces) > limit:
            raise StorageError(f"{url}: {name} is larger than a run's may be: refused.")
    return Contents(attempt, files)


def _pieces(name: str, found: Iterable[tuple[str, int]]) -> tuple[Piece, ...]:
    pieces = tuple(Piece(sha256, size) for sha256, size in found)
    if not pieces and name not in JOURNALS:
        raise ValueError("an empty file")
    for piece in pieces:
        if not _SHA256.fullmatch(piece.sha256) or type(piece.size) is not int:
            raise ValueError("no piece")
        if piece.size < 1:
            raise ValueError("an empty piece")
    if len(pieces) > _MOST_PIECES:
        raise ValueError("too many pieces")
    return pieces
