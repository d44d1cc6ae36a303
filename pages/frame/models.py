"""Models as the pages use them: found once, loaded once, shared by every reader.

One model object serves all sessions. That is safe because its weights are frozen and
its hooks are scoped to a call (`minigpt.hooks`).
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.errors import DataError
from minigpt.finetuning.chat import ready_to_chat
from minigpt.library.catalogue import ModelEntry, available_models
from minigpt.places import data_directory, shared_models
from minigpt.tokenizers import Tokenizer
from pages.frame import state
from pages.frame.remember import remember
from pages.frame.server import garbage

# Many readers share the processor: one thread each beats several that wait in turn.
torch.set_num_threads(1)

_writers = threading.BoundedSemaphore(2)


def entries() -> list[ModelEntry]:
    """Return every model that can be chosen: the shipped ones, then the runs."""
    return list(_entries(data_directory()))


def _last_changes(data: Path) -> list[tuple[str, int]]:
    """Return what changes when a model or run comes, goes or moves on.

    Listing models opens a dozen files per run; this only asks when they changed, which
    a page with fifty runs can afford several times.
    """
    watched = [*_inside(data, ("models", "runs"))]
    watched += _inside(data / "models")
    watched += _inside(shared_models() or data / "none")
    for folder in ("models", "runs"):
        for each in _inside(data / folder):
            watched += _inside(each.path, ("checkpoints", "status.json"))
    with suppress(FileNotFoundError):  # a run deleted meanwhile: the next look tells
        return sorted((each.path, each.stat().st_mtime_ns) for each in watched)
    return []


def _inside(folder: str | Path, names: Sequence[str] = ()) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, or these of it; nothing, if there is no folder.

    `Path.glob` would take ten times as long.
    """
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
        return [each for each in found if not names or each.name in names]
    return []


_entries = remember(8, shared=True, key=lambda data: (str(data), _last_changes(data)))(
    available_models
)


def chosen_entry() -> ModelEntry:
    """Return the catalogue's entry of the model chosen in the sidebar.

    Raises:
        DataError: If there is no model yet.
    """
    known = {entry.id: entry for entry in entries()}
    if not known:
        raise DataError("There is no model yet. Train one on the Training page.")
    return known.get(state.get("model"), default_entry(list(known.values())))


def default_entry(known: list[ModelEntry]) -> ModelEntry:
    """Return the model to begin with: `tales`, which writes best, or the first."""
    return next((entry for entry in known if entry.id == "tales"), known[0])


def chosen() -> Checkpoint:
    """Return the chosen model, its tokenizer and metadata, at the chosen step."""
    return load(chosen_path(chosen_entry()))


def chosen_path(entry: ModelEntry) -> Path:
    """Return the checkpoint of a model at the step chosen in the time machine."""
    return entry.path_at(state.get("step"))


def unknown_words(unknown: list[str]) -> str:
    """Say what a tokenizer never saw, and how the model reads it."""
    some = ", ".join(repr(part) for part in unknown[:8])
    more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    return f"This model does not know {some}{more}: it reads <unk> there."


@remember(8, shared=True, spinner="Opening the model …")
def load(path: Path) -> Checkpoint:
    """Return the checkpoint in a directory, loaded once for the whole server."""
    checkpoint = load_checkpoint(path)
    checkpoint.model.eval().requires_grad_(False)
    garbage.freeze_once()
    return checkpoint


@remember(12, shared=True)
def with_chat_tokens(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint that knows the chat tokens, the same object each time.

    Raises:
        CheckpointError: If its tokenizer is another model's.
    """
    ready = ready_to_chat(checkpoint)
    ready.model.eval().requires_grad_(False)
    return ready


@remember(8, shared=True)
def vocabulary(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the text of every token."""
    return tuple(tokenizer.pieces(range(tokenizer.vocab_size)))


@contextmanager
def turn_to_write() -> Iterator[None]:
    """Wait for a turn: only two write at once, so that the server stays quick."""
    with _writers:
        yield
