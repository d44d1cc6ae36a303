"""Adds models: an upload, one from Hugging Face, or a directory on this machine.

A model is assembled in a hidden directory, loaded with the same checks as any other,
and renamed into place once it is complete.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from minigpt.checkpoint import (
    Checkpoint,
    find_checkpoint,
    halve_weights,
    load_checkpoint,
    save_checkpoint,
)
from minigpt.checkpoint.metadata import CONFIG_FILE, read_json
from minigpt.classroom.quotas import require_bytes, require_may_fetch
from minigpt.errors import CheckpointError
from minigpt.library.archives import unpack
from minigpt.library.names import free_place, move
from minigpt.model import TransformerLM
from minigpt.pretrained import from_pretrained
from minigpt.pretrained.codebases.opening import KINDS
from minigpt.pretrained.hub import is_name
from minigpt.regular_files import named_directory
from minigpt.runs.checkpoints import checkpoint_step

_ABANDONED_SECONDS = 24 * 3600.0


def take_upload(data: Path, name: str, files: Sequence[tuple[str, IO[bytes]]]) -> Path:
    """Add an uploaded model: one of ours, or one in the format of Hugging Face.

    Args:
        data: The data directory.
        name: What to call it here.
        files: Names and contents: one zip, or the files.

    Returns:
        Its directory.

    Raises:
        RunError: If the name is not allowed, or taken.
        CheckpointError: If anything in it is invalid.
        RoomError: If it is more than a learner of a class may keep.
    """
    with _put_in_place(data, name) as beside:
        unpack(files, beside)
        try:
            loaded = _loaded(beside)
        except CheckpointError as error:
            # The temporary path would mean nothing to the reader.
            raise CheckpointError(str(error).replace(f"{beside}/", "")) from None
        _describe(beside, "upload", loaded, "Uploaded.")
    return data / "models" / name


def bring(
    data: Path,
    name: str,
    source: str,
    report: Callable[[str], object],
    *,
    directories: bool = True,
) -> Path:
    """Add a model by its name on Hugging Face, or from a directory on this machine.

    Args:
        data: The data directory.
        name: What to call it here.
        source: `gpt2`, `distilgpt2`, `owner/model`; or a directory with a checkpoint,
            of ours or of Hugging Face; or a file of nanoGPT or llama2.c.
        report: Receives a short description of each stage.
        directories: Whether `source` may be a directory. Not for somebody at another
            machine: what is said of a directory tells whether it exists.

    Returns:
        Its directory.

    Raises:
        RunError: If the name is not allowed, or taken.
        CheckpointError: If the model cannot be fetched or read.
        RoomError: If a learner of a class asks.
    """
    require_may_fetch()
    own = named_directory(source)
    is_place = own is not None or source.endswith(KINDS)
    if not directories and (is_place or not is_name(source)):
        raise CheckpointError(
            f"{source!r:.80} is not the name of a model on huggingface.co, such as "
            "gpt2 or owner/model."
        )
    with _put_in_place(data, name) as beside:
        label = Path(source).name if is_place else source
        report(f"{'Reading' if is_place else 'Fetching'} {label:.80}")
        if own is not None and checkpoint_step(own) is not None:
            loaded = load_checkpoint(find_checkpoint(own), keep_integers=True)
        else:
            loaded = from_pretrained(source)
        report("Saving it")
        _save(beside, loaded, f"From {label:.120}.")
    return data / "models" / name


def keep_import(
    data: Path, name: str, loaded: Checkpoint, words: str, *, half: bool = False
) -> Path:
    """Add a model that was loaded from somewhere else.

    Args:
        data: The data directory.
        name: What to call it here.
        loaded: The model, its tokenizer and where they come from.
        words: Where it comes from, as a sentence for the reader.
        half: Keep 16 bits of each weight.

    Returns:
        Its directory.

    Raises:
        RunError: If the name is not allowed, or taken.
        CheckpointError: If the disk is full.
    """
    with _put_in_place(data, name) as temporary:
        _save(temporary, loaded, words)
        if half:
            halve_weights(temporary)
    return data / "models" / name


def _save(directory: Path, loaded: Checkpoint, words: str) -> None:
    save_checkpoint(
        directory,
        loaded.model,
        loaded.tokenizer,
        step=loaded.metadata.step,
        provenance=loaded.metadata.provenance,
    )
    _describe(directory, "import", loaded, words)


def _loaded(directory: Path) -> Checkpoint:
    """Read a model of either format; afterwards the directory is a checkpoint."""
    if read_json(directory / CONFIG_FILE).get("format") == "minigpt-checkpoint":
        return load_checkpoint(directory)
    loaded = from_pretrained(directory, offline=True)
    provenance = {"pretrained": "an upload in the format of Hugging Face"}
    save_checkpoint(directory, loaded.model, loaded.tokenizer, provenance=provenance)
    return loaded


def _describe(directory: Path, origin: str, loaded: Checkpoint, words: str) -> None:
    """Write `about.json`: the description for the sidebar, and the origin."""
    config = loaded.model.config
    layers = f"{config.num_layers} layers"
    if isinstance(loaded.model, TransformerLM):
        layers += f" of {loaded.model.config.num_heads} heads"
    words = f"{words} {layers}, {loaded.tokenizer.vocab_size:,} tokens."
    if notes := loaded.metadata.provenance.get("notes"):
        words += f" {notes}"
    about = {"origin": origin, "description": words}
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (directory / "about.json").write_text(text + "\n", encoding="utf-8")


@contextmanager
def _put_in_place(data: Path, name: str) -> Iterator[Path]:
    """Let the caller fill a hidden directory that then becomes the model.

    Raises:
        RunError: If the name is not allowed, or taken, now or at the end.
        CheckpointError: If the files cannot be written.
        RoomError: If it is more than a learner of a class may keep.
    """
    place = free_place(data, "model", name)
    beside = place.parent / f".coming-{secrets.token_hex(4)}"
    try:
        _forget_abandoned(place.parent)
        require_bytes(0)
        beside.mkdir(parents=True)
        yield beside
        require_bytes(0)  # it lies there already, and goes if it is too much
        move(beside, free_place(data, "model", name))
    except OSError as error:
        raise CheckpointError(
            f"The model cannot be saved in {place.parent}: {error.strerror or error}."
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _forget_abandoned(models: Path) -> None:
    """Remove incomplete models that a killed server left behind."""
    for path in models.glob(".coming-*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
