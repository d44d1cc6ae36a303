"""Deletion that can be undone: deleted things stay in the trash for an hour.

`data/trash/<id>/` mirrors the data directory, so that restoring is the reverse move:

    data/trash/187a2b3c4d5e6f70-3f9a/runs/first   was, and will be,   data/runs/first

The id begins with the time in nanoseconds, because file systems record times in steps
of some milliseconds, within which two things may be deleted.
"""

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from minigpt.errors import RunError
from minigpt.library.names import Kind, at_rest, is_taken, move, own_place

TRASH_SECONDS = 3600.0
"""How long a deletion can be undone."""


@dataclass(frozen=True)
class Deleted:
    """Something in the trash."""

    id: str
    kind: Kind
    name: str
    deleted_at: float
    """In Unix seconds."""


def delete(data: Path, kind: Kind, name: str) -> Deleted:
    """Move a model, a run or a text to the trash.

    Returns:
        What `restore` needs.

    Raises:
        RunError: If it ships with the project, is in use, or is gone.
    """
    source = own_place(data, kind, name)
    empty_trash(data, TRASH_SECONDS)
    folder = data / "trash" / f"{time.time_ns():016x}-{secrets.token_hex(2)}"
    with at_rest(source, kind):
        try:
            move(source, folder / f"{kind}s" / name)
        except RunError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Deleted(folder.name, kind, name, time.time())


def restore(data: Path, deleted: str) -> Deleted:
    """Restore something from the trash.

    Args:
        data: The data directory.
        deleted: The `id` of a `Deleted`.

    Raises:
        RunError: If it is no longer there, or its name has been taken.
    """
    found = next((each for each in trash(data) if each.id == deleted), None)
    if found is None:
        raise RunError(
            "It is no longer in the trash: it was restored already, or its hour has "
            "passed."
        )
    folder = data / "trash" / found.id
    target = data / f"{found.kind}s" / found.name
    if target.exists() or (found.kind != "text" and is_taken(data, found.name)):
        raise RunError(
            f"The name {found.name!r} has been taken in the meantime: rename or delete "
            "its new owner, then undo again."
        )
    move(folder / f"{found.kind}s" / found.name, target)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def trash(data: Path) -> list[Deleted]:
    """List what can be restored, newest first."""
    found = []
    for kind in get_args(Kind):
        for path in (data / "trash").glob(f"*/{kind}s/*"):
            folder = path.parent.parent
            try:
                moved = path.parent.stat().st_mtime
            except FileNotFoundError:
                continue  # restored in the meantime
            found.append(Deleted(folder.name, kind, path.name, moved))
    return sorted(found, key=lambda each: (each.deleted_at, each.id), reverse=True)


def empty_trash(data: Path, older_than: float = 0.0) -> None:
    """Permanently delete what has been in the trash for that many seconds."""
    for each in trash(data):
        if time.time() - each.deleted_at >= older_than:
            shutil.rmtree(data / "trash" / each.id, ignore_errors=True)
