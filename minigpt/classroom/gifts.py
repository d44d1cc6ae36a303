"""A model for the whole class: a copy, so that its owner may go on and change theirs.

Only what is needed to open it is copied: no optimizer, no text, no log.
"""

import json
import re
import secrets
import shutil
from pathlib import Path

from minigpt.checkpoint import read_metadata
from minigpt.classroom.room import Room
from minigpt.errors import CheckpointError, RoomError
from minigpt.library.archives import CHECKPOINT_FILES
from minigpt.library.catalogue import find_model

ADAPTER_FILES = ("adapter.json", "adapter.safetensors")


def share(room: Room, owner: str | None, model: str, *, by: str) -> str:
    """Copy a model to where all may open it.

    Args:
        room: The class.
        owner: A learner's id; None: one of the teacher's.
        model: Its id in the owner's catalogue.
        by: The owner's name, which the description gives.

    Returns:
        Its name for the class.

    Raises:
        RunError: If there is no such model.
        RoomError: If it is for all already, or cannot be copied.
    """
    space = room.space_of(owner)
    entry = find_model(space.data, model)
    if entry.kind in ("shipped", "shared"):
        raise RoomError(f"{model!r} can be opened by the whole class already.")
    step = read_metadata(entry.path).step
    words = f"By {by}, after step {step:,}. {entry.description}"
    space.shared.mkdir(parents=True, exist_ok=True)
    beside = space.shared / f".coming-{secrets.token_hex(4)}"
    try:
        _copy(entry.path, beside, words)
        name = _free_name(space.shared, model, by)
        beside.rename(space.shared / name)
    except OSError as error:
        raise RoomError(f"{model!r} cannot be shared: {error.strerror}.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return name


def shared(room: Room) -> list[str]:
    """Return the names of the models that the class shares."""
    folder = room.space_of(None).shared
    inside = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in inside if not path.name.startswith("."))


def take_back(room: Room, name: str) -> None:
    """Share a model no longer.

    Raises:
        RoomError: If the class has none of that name.
    """
    if name not in shared(room):
        raise RoomError(f"The class shares no model {name!r}.")
    shutil.rmtree(room.space_of(None).shared / name)


def _copy(checkpoint: Path, target: Path, words: str) -> None:
    target.mkdir()
    for name in (*CHECKPOINT_FILES, *ADAPTER_FILES):
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, target / name)
    missing = [name for name in CHECKPOINT_FILES if not (target / name).is_file()]
    if missing:
        raise CheckpointError(f"{checkpoint} has no {missing[0]}.")
    about = json.dumps({"description": words}, ensure_ascii=False)
    (target / "about.json").write_text(about + "\n", encoding="utf-8")


def _free_name(folder: Path, model: str, by: str) -> str:
    """Return a name that no shared model has: with its owner's, where it must be."""
    owner = re.sub(r"[^a-z0-9]+", "-", by.lower()).strip("-") or "class"
    first = f"{model[:20]}-{owner[:8].strip('-')}"
    names = (model, first, *(f"{first}-{number}" for number in range(2, 100)))
    free = (name for name in names if not (folder / name).exists())
    return next(free, f"{model[:20]}-{secrets.token_hex(4)}")
