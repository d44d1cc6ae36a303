"""From a run's directory to its bucket: what changed, and then the list that says so.

The pieces of new files are uploaded first and `contents.json` last. A directory of a
checkpoint is listed as it was at one moment, or as it was before.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from minigpt.errors import RunError
from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.contents import (
    CONTENTS,
    JOURNALS,
    TEXT,
    Contents,
    Files,
    Piece,
    limit_of,
    pieces_in,
)
from minigpt.storage.control import Control, read_control

_BLOCK = 2**20
_GRACE = 60.0
"""Seconds for which a piece that is not listed any more can still be read."""
_Stamp = tuple[int, int, int]


class WithdrawnError(RunError):
    """A run's training was withdrawn, or another process trains it now."""


class Uploader:
    """Uploads what changed in a run's directory.

    Args:
        directory: The run's.
        bucket: Where it is kept.
        known: Which training this is, and what the bucket has of the run.
        text: The file that it learns from, if that is to be kept with it; one that the
            bucket has stays as it is.
    """

    def __init__(
        self, directory: Path, bucket: Bucket, known: Contents, text: Path | None
    ) -> None:
        self.contents = known
        self._directory, self._bucket, self._text = directory, bucket, text
        self._seen: dict[str, tuple[_Stamp, tuple[Piece, ...]]] = {}
        """What was uploaded of each file, listed or not, and its stamp then."""
        self._there = self.contents.pieces
        self._unlisted: dict[Piece, float] = {}

    def push(self) -> Control:
        """Upload what changed since the last time.

        Returns:
            What is asked of this training.

        Raises:
            StorageError: If the bucket cannot be reached: nothing is listed that is not
                there, and the next time goes on from here.
            WithdrawnError: If this training may not go on.
            OSError: If a file vanished meanwhile: try again.
        """
        contents = Contents(self.contents.attempt, self._files())
        control = read_control(self._bucket)
        if control is None:
            raise StorageError(
                f"{self._bucket.url} is there no more: it was removed, or the folder "
                "is not mounted."
            )
        if control.attempt != contents.attempt:
            raise WithdrawnError(
                f"The run was withdrawn, or is trained by another process now: "
                f"{self._bucket.url} is left to it."
            )
        self._bucket.write(CONTENTS, contents.to_bytes())
        self.contents = contents
        self._remove_unlisted(time.monotonic() - _GRACE)
        return control

    def _remove_unlisted(self, before: float) -> None:
        """Remove pieces not listed since then; the others may still be read."""
        now, unlisted = time.monotonic(), self._there - self.contents.pieces
        since = {piece: self._unlisted.get(piece, now) for piece in unlisted}
        gone = {piece for piece in unlisted if since[piece] < before}
        with suppress(StorageError):  # they are in nobody's way
            self._bucket.remove([piece.name for piece in gone])
        self._there -= gone
        self._unlisted = {piece: since[piece] for piece in unlisted - gone}

    def sweep(self) -> None:
        """Remove all that is not listed, what killed processes left included.

        Not if another training has begun meanwhile: some of it may be that one's.
        """
        listed = {piece.sha256 for piece in self.contents.pieces}
        self._there, self._unlisted = self.contents.pieces, {}
        with suppress(StorageError):
            found = pieces_in(self._bucket)
            control = read_control(self._bucket)
            if control is None or control.attempt != self.contents.attempt:
                return
            self._bucket.remove([f"pieces/{name}" for name in sorted(found - listed)])

    def _files(self) -> Files:
        known = self.contents.files
        found = {TEXT: known[TEXT]} if TEXT in known else {}
        if self._text is not None and TEXT not in found:
            found[TEXT] = self._file(TEXT, self._text)
        # A journal may be ahead of the checkpoints, for a resumed run goes back: never
        # behind, for then steps would be missing.
        for folder in ("checkpoints", "film"):
            with suppress(FileNotFoundError, NotADirectoryError):
                for each in sorted((self._directory / folder).iterdir()):
                    found |= self._whole(f"{folder}/{each.name}", each)
        for name, path in _names(self._directory):
            found[name] = self._file(name, path)
        return {k: v for k, v in found.items() if v or k in JOURNALS}

    def _whole(self, name: str, directory: Path) -> Files:
        """Return the files of a checkpoint at one moment; else as they were before."""
        if limit_of(f"{name}/config.json") is None:
            return {}
        try:
            before = _version(directory)
            found = {
                f"{name}/{each.name}": self._file(f"{name}/{each.name}", each)
                for each in sorted(directory.iterdir())
                if limit_of(f"{name}/{each.name}") is not None
            }
            if _version(directory) == before:
                return found
        except FileNotFoundError:  # it is being replaced, or is there no more
            pass
        return {
            k: v for k, v in self.contents.files.items() if k.startswith(f"{name}/")
        }

    def _file(self, name: str, path: Path) -> tuple[Piece, ...]:
        """Return a file's pieces, uploaded."""
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            stamp = found.st_ino, found.st_mtime_ns, found.st_size
            before, known = self._seen.get(name, (None, ()))
            if before is None or not self._there.issuperset(known):
                before, known = None, self.contents.files.get(name, ())
            if before == stamp:
                return known
            start, kept = 0, list[Piece]()
            if name in JOURNALS:
                kept = _still_there(source, known, found.st_size, before is None)
                start = sum(piece.size for piece in kept)
                # Pieces that double are few, and each byte is sent few times.
                while kept and kept[-1].size <= found.st_size - start:
                    start -= kept.pop().size
            if start < found.st_size:
                kept.append(self._piece(source, start, found.st_size - start))
            self._seen[name] = stamp, tuple(kept)
            return tuple(kept)

    def _piece(self, source: BinaryIO, start: int, size: int) -> Piece:
        piece = Piece(_sha256(source, start, size), size)
        if piece not in self._there:
            source.seek(start)
            self._bucket.upload(piece.name, source, size)
            self._there.add(piece)
        return piece


def _names(directory: Path) -> Iterator[tuple[str, Path]]:
    """Find the files that stand by themselves."""
    for folder, before in ((directory, ""), (directory / "snapshots", "snapshots/")):
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted(folder.iterdir()):
                is_one = stat.S_ISREG(path.lstat().st_mode)
                if is_one and limit_of(before + path.name) and path.name != TEXT:
                    yield before + path.name, path


def _version(directory: Path) -> tuple[int, int]:
    found = directory.stat()
    return found.st_ino, found.st_mtime_ns


def _still_there(
    source: BinaryIO, known: tuple[Piece, ...], size: int, is_new: bool
) -> list[Piece]:
    """Return the pieces with which a file still begins."""
    if sum(piece.size for piece in known) > size:
        return []
    start = 0
    for place, piece in enumerate(known):
        if is_new and _sha256(source, start, piece.size) != piece.sha256:
            return list(known[:place])
        start += piece.size
    return list(known)


def _sha256(source: BinaryIO, start: int, size: int) -> str:
    """Return the hash of a part of a file, or what there is of it."""
    source.seek(start)
    found = hashlib.sha256()
    while size > 0 and (part := source.read(min(_BLOCK, size))):
        found.update(part)
        size -= len(part)
    return found.hexdigest()
