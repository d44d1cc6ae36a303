"""Names of models, runs and texts, and moving them as a whole.

Renaming, deleting (see `trash`) and adding (see `incoming`) are each a single atomic
move; if two people move the same thing, one of them gets an error. Shipped models are
never moved, nor a run that is being trained, nor a text that such a run reads.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from minigpt.errors import RunError
from minigpt.library.catalogue import find_model
from minigpt.runs.lock import RunLock
from minigpt.runs.store import RUN_ID, Run, RunStore
from minigpt.runs.ticket import has_ticket

Kind = Literal["model", "run", "text"]

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES)


def free_name(data: Path, wanted: str) -> str:
    """Turn any text into an allowed model name that is not taken.

    >>> free_name(Path("nowhere"), "Mein Modell (1).zip")
    'mein-modell-1'

    Args:
        data: The data directory.
        wanted: For example the name of a file; not trusted.
    """
    stem = wanted.replace("\\", "/").rpartition("/")[2].lower()
    stem = stem.removesuffix(".zip").removesuffix(".safetensors")
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)
    base = "-".join(filter(None, letters.split("-")))[:28] or "model"
    names = (base, *(f"{base}-{number}" for number in range(2, 1000)))
    return next((name for name in names if not is_taken(data, name)), base)


def free_place(data: Path, kind: Literal["model", "run"], name: str) -> Path:
    """Return the path for a new name.

    Raises:
        RunError: If the name is not allowed, or taken.
    """
    if not RUN_ID.fullmatch(name):
        raise RunError(
            f"{name!r:.80} cannot be a name: use 1 to 32 of a-z, 0-9, - and _, and "
            "begin with a letter or a digit."
        )
    if is_taken(data, name):
        raise RunError(f"There is a model or run {name!r} already: choose another.")
    return data / f"{kind}s" / name


def rename(data: Path, kind: Literal["model", "run"], name: str, new: str) -> None:
    """Give a model or a run another name.

    Raises:
        RunError: If it ships with the project, is in use or gone, or the new name is
            not allowed or taken.
    """
    source = own_place(data, kind, name)
    target = free_place(data, kind, new)
    with at_rest(source, kind):
        move(source, target)


def text_files(data: Path) -> list[Path]:
    """List the user's texts, by name."""
    folder = data / "texts"
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for path in paths
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    ]


def readers_of(data: Path, text: Path) -> list[Run]:
    """Find the runs that are or were trained on a text."""
    found = []
    for run in RunStore(data / "runs").list():
        with suppress(RunError):  # damaged: its text is unknown
            source = Path(run.config.data.source)
            if source.name == text.name and source.resolve() == text.resolve():
                found.append(run)
    return found


def own_place(data: Path, kind: Kind, name: str) -> Path:
    """Return the path of something that may be moved, looked up by name.

    Raises:
        RunError: If nothing has that name, or it ships with the project.
    """
    if kind == "text":
        for path in text_files(data):
            if path.name == name:
                return path
        raise gone(name)
    if kind == "run":
        return RunStore(data / "runs").open(name).path
    found = find_model(data, name).kind
    if found == "shipped":
        raise RunError(f"{name!r} ships with minigpt, and pages rely on it: it stays.")
    if found == "shared":
        raise RunError(f"{name!r} is shared with the class: it is not yours to change.")
    return data / "models" / name


@contextmanager
def at_rest(path: Path, kind: Kind) -> Iterator[None]:
    """Make sure that something is not in use while it is moved.

    Raises:
        RunError: If it is in use.
    """
    if kind == "run":
        try:
            lock = RunLock.acquire(path)
        except FileNotFoundError:
            raise gone(path.name) from None
        try:
            if has_ticket(path):
                raise RunError(
                    f"The run {path.name!r} waits for its turn: withdraw it first."
                )
            yield
        finally:
            lock.release()
        return
    if kind == "text":
        for run in readers_of(path.parents[1], path):
            if run.status().is_alive:
                raise RunError(
                    f"The run {run.id!r} is learning from {path.name!r}: stop it first."
                )
    yield


def move(source: Path, target: Path) -> None:
    """Move a file or directory atomically.

    Raises:
        RunError: If it is gone, the target is taken, or the system refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except FileNotFoundError:
        raise gone(source.name) from None
    except OSError as error:
        if error.errno in _TAKEN and target.exists():
            raise RunError(
                f"There is {target.name!r} already: choose another name."
            ) from None
        raise RunError(f"{source} cannot be moved: {error.strerror}.") from None


def gone(name: str) -> RunError:
    """Return the error for something that was moved or deleted first."""
    return RunError(
        f"{name!r} is not there any more: it was renamed or deleted, perhaps in "
        "another window."
    )


def is_taken(data: Path, name: str) -> bool:
    """Whether a model or a run has that name; the two share one list."""
    return any((data / folder / name).exists() for folder in ("models", "runs"))
