"""From a run's bucket to a directory: what changed, each file whole or not at all.

A checkpoint's files come together, and the status comes last: where it says that the
run has finished, everything else is here.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from minigpt.atomic_writes import (
    remove_directory,
    replace_file,
    replaced_directory,
    replaced_file,
)
from minigpt.storage.bucket import Bucket, ChangedError, StorageError
from minigpt.storage.contents import (
    CONTENTS,
    TEXT,
    Contents,
    Files,
    Piece,
    parse_contents,
    read_contents,
)

_SPARE = 2**26
"""Bytes that stay free on the disk."""
_BLOCK = 2**20
_TRIES = 3
_CHECKPOINTS = ("checkpoints/", "film/")


def fetch(
    bucket: Bucket, directory: Path, *, with_text: bool = False
) -> Contents | None:
    """Bring a directory to what a bucket has of a run.

    Files that a run does not upload, such as notes of this machine, stay.

    Args:
        bucket: The run's.
        directory: Of a run that no process of this machine trains.
        with_text: Whether the text that it learns from is wanted, too.

    Returns:
        What the bucket has; None: nothing.

    Raises:
        StorageError: If it cannot be reached, holds something else than a run, or the
            disk is full.
    """
    for _ in range(_TRIES):
        with suppress(ChangedError):
            return _fetch(bucket, directory, with_text=with_text)
    return _fetch(bucket, directory, with_text=with_text)


def _fetch(bucket: Bucket, directory: Path, *, with_text: bool) -> Contents | None:
    contents = read_contents(bucket)
    if contents is None:
        return None
    before = last_fetched(directory)
    if not with_text and TEXT not in before.files:
        contents.files.pop(TEXT, None)
    if contents == before:
        return contents
    try:
        _Fetching(bucket, directory, before).bring(contents.files)
        _note_fetched(directory, contents)
    except OSError as error:
        raise StorageError(
            f"{directory} cannot take what {bucket.url} has: {error.strerror or error}."
        ) from None
    return contents


def last_fetched(directory: Path) -> Contents:
    """Return what a directory had of its bucket when it was fetched last."""
    try:
        return parse_contents((directory / CONTENTS).read_bytes(), str(directory))
    except (OSError, StorageError):
        return Contents("", {})


def _note_fetched(directory: Path, contents: Contents) -> None:
    replace_file(directory / CONTENTS, contents.to_bytes())


class _Fetching:
    """Brings files into a directory.

    Args:
        bucket: Where they are.
        directory: Where they go.
        before: What the directory has.
    """

    def __init__(self, bucket: Bucket, directory: Path, before: Contents) -> None:
        self._bucket, self._directory, self._before = bucket, directory, before
        self._here: dict[Piece, tuple[Path, int]] = {}
        """A file of this machine that has a piece, and from which byte on."""
        for name, pieces in before.files.items():
            self._note(directory / name, pieces)

    def bring(self, files: Files) -> None:
        """Write what is new or has changed, and remove what is there no more."""
        before, now = _units(self._before.files), _units(files)
        self._require_room(
            {name: each for name, each in now.items() if each != before.get(name)}
        )
        # It may end halfway: then nobody knows which of the others are there.
        same = [each for unit, each in before.items() if each == now.get(unit)]
        staying = {name: pieces for unit in same for name, pieces in unit.items()}
        _note_fetched(self._directory, self._before._replace(files=staying))
        for unit in before.keys() - now.keys():
            with suppress(FileNotFoundError):
                if unit.startswith(_CHECKPOINTS):
                    remove_directory(self._directory / unit)
                else:
                    (self._directory / unit).unlink()
        for unit in sorted(now, key=lambda unit: (unit == "status.json", unit)):
            if now[unit] == before.get(unit):
                continue
            path = self._directory / unit
            if path.parent != self._directory:  # which is not made anew
                path.parent.mkdir(exist_ok=True)
            if unit.startswith(_CHECKPOINTS):
                with replaced_directory(path) as beside:
                    for name, pieces in now[unit].items():
                        self._write(beside / PurePosixPath(name).name, pieces)
            else:
                with replaced_file(path) as beside:
                    self._write(beside, now[unit][unit])
            for name, pieces in now[unit].items():
                self._note(self._directory / name, pieces)

    def _require_room(self, units: dict[str, Files]) -> None:
        files = [pieces for unit in units.values() for pieces in unit.values()]
        needed = sum(piece.size for pieces in files for piece in pieces)
        free = shutil.disk_usage(self._directory).free
        if needed + _SPARE > free:
            raise StorageError(
                f"{self._bucket.url} has {needed / 1e6:,.0f} MB that are new, and "
                f"{free / 1e6:,.0f} MB are free: make room."
            )

    def _note(self, path: Path, pieces: tuple[Piece, ...]) -> None:
        start = 0
        for piece in pieces:
            self._here[piece] = path, start
            start += piece.size

    def _write(self, path: Path, pieces: tuple[Piece, ...]) -> None:
        """Write a file from its pieces, those of this machine where they are whole.

        Raises:
            StorageError: If a piece is not what its name says.
        """
        with path.open("wb") as file:
            for piece in pieces:
                start = file.tell()
                if _copied(self._local(piece), file) == piece.sha256:
                    continue
                file.seek(start)
                file.truncate()
                parts = self._bucket.download(piece.name, piece.size)
                if _copied(parts, file) != piece.sha256:
                    raise StorageError(
                        f"{self._bucket.url}/{piece.name} is not what its name says: "
                        "refused."
                    )

    def _local(self, piece: Piece) -> Iterator[bytes]:
        """Yield what this machine has of a piece: perhaps nothing, or other bytes."""
        if piece not in self._here:
            return
        path, start = self._here[piece]
        with suppress(OSError), path.open("rb") as source:
            source.seek(start)
            left = piece.size
            while left > 0 and (part := source.read(min(_BLOCK, left))):
                yield part
                left -= len(part)


def _units(files: Files) -> dict[str, Files]:
    """Return which files change together: those of a checkpoint, and each other one."""
    found: dict[str, Files] = {}
    for name, pieces in files.items():
        unit = name.rpartition("/")[0] if name.startswith(_CHECKPOINTS) else name
        found.setdefault(unit, {})[name] = pieces
    return found


def _copied(parts: Iterable[bytes], file: BinaryIO) -> str:
    """Write bytes, and return their hash."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
        file.write(part)
    return found.hexdigest()
