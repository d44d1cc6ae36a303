"""A model's files as a zip, out and in. What comes in is not trusted.

A checkpoint is numbers and JSON, so only such files are taken, each known by its whole
name: nothing is ever written under a name that somebody else chose. Sizes are counted
while unpacking, whatever the zip says of them.
"""

import io
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from minigpt.checkpoint import load_checkpoint, read_metadata
from minigpt.checkpoint.metadata import CONFIG_FILE
from minigpt.checkpoint.save import TOKENIZER_FILE, WEIGHTS_FILE
from minigpt.config import MLPConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.pretrained import export_pretrained
from minigpt.pretrained.export import fitting_shape
from minigpt.pretrained.load import OWN_TOKENIZER_FILE

MAX_BYTES = 500 * 2**20
"""The largest model that is taken in, in bytes: GPT-2's size, in 32 bits."""
_MAX_JSON = 32 * 2**20
_MAX_CONFIG = 2**20
_MAX_LISTING = 2**16
"""Bytes of a zip's list of contents: hundreds of files, and a model has a few."""

CHECKPOINT_FILES = (CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE)
_TAKEN = {
    **dict.fromkeys((TOKENIZER_FILE, OWN_TOKENIZER_FILE, "vocab.json"), _MAX_JSON),
    "merges.txt": _MAX_JSON,
    CONFIG_FILE: _MAX_CONFIG,
    WEIGHTS_FILE: MAX_BYTES,
}
_NOT_NEEDED = (
    "about.json",
    "generation_config.json",
    "optimizer.safetensors",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "trainer.json",
)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")


def pack(checkpoint: Path, name: str) -> bytes:
    """Return a checkpoint as a zip, all its files in one folder.

    Args:
        checkpoint: Its directory.
        name: The folder's, already checked.

    Raises:
        CheckpointError: If a file is gone.
    """
    return _zipped([checkpoint / file for file in CHECKPOINT_FILES], name)


def pack_for_others(checkpoint: Path, name: str) -> bytes:
    """Return a model in the format of Hugging Face, as a zip.

    Raises:
        ConfigError: If that format cannot express it.
        CheckpointError: If it cannot be read.
    """
    model, tokenizer, _ = load_checkpoint(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        directory = export_pretrained(model, tokenizer, Path(folder) / name)
        return _zipped(sorted(directory.iterdir()), name)


def why_not_for_others(checkpoint: Path) -> str:
    """Say why the format of Hugging Face cannot express a model; empty if it can.

    Raises:
        CheckpointError: If the model's description cannot be read.
    """
    config = read_metadata(checkpoint).model_config_of_its_kind()
    if isinstance(config, MLPConfig):
        return "transformers has no model of this kind, an MLP on a window of tokens."
    try:
        fitting_shape(config)
    except ConfigError as error:
        return str(error)
    return ""


def unpack(files: Sequence[tuple[str, IO[bytes]]], directory: Path) -> None:
    """Write an upload's files into an empty directory.

    Args:
        files: Names and contents: one zip, or a model's files.
        directory: Where. If anything is refused, it is the caller's to remove.

    Raises:
        CheckpointError: If there is anything that a model does not consist of, or too
            much of it.
    """
    try:
        _unpack(files, directory)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # A RuntimeError is zipfile's word for encryption.
        raise CheckpointError(
            f"{files[0][0]!r:.80} cannot be unpacked ({error}): make the zip again."
        ) from None


def _unpack(files: Sequence[tuple[str, IO[bytes]]], directory: Path) -> None:
    folders = set()
    for path, content in _contents(files):
        folder, name = _place_of(path)
        folders.add(folder)
        if len(folders) > 1:
            raise CheckpointError(
                f"{path!r:.80} lies in another folder than the rest: one model at a "
                "time, its files side by side."
            )
        if name in _NOT_NEEDED:
            continue
        if (directory / name).exists():
            raise CheckpointError(f"There are two files {name}: one model at a time.")
        _copy(content, directory / name, _TAKEN[name])


def _contents(
    files: Sequence[tuple[str, IO[bytes]]],
) -> Iterator[tuple[str, IO[bytes]]]:
    """Go through the files, or through those inside the zip.

    Raises:
        CheckpointError: If the zip links elsewhere, or is packed in an unusual way.
    """
    if len(files) != 1 or not files[0][0].lower().endswith(".zip"):
        yield from files
        return
    _check_listing(files[0][1])
    with zipfile.ZipFile(files[0][1]) as opened:
        for entry in opened.infolist():
            # A Mac adds a shadow of each file.
            if entry.is_dir() or entry.filename.startswith("__MACOSX/"):
                continue
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            if is_link or entry.compress_type not in _COMPRESSIONS:
                raise CheckpointError(
                    f"{entry.filename!r:.80} is "
                    f"{'a link' if is_link else 'packed in an unusual way'}: put the "
                    "file itself into an ordinary zip."
                )
            with opened.open(entry) as content:
                yield entry.filename, content


def _check_listing(parcel: IO[bytes]) -> None:
    """Refuse a list of a million files before Python reads it into memory.

    The list's length stands in the last record; a larger kind of zip (zip64) can say
    another one, and no model that is taken in needs that.

    Raises:
        CheckpointError: If the list is long, or missing.
    """
    size = parcel.seek(0, io.SEEK_END)
    parcel.seek(max(0, size - 2**16 - 42))
    end = parcel.read()
    parcel.seek(0)
    place = end.rfind(b"PK\x05\x06")
    length = int.from_bytes(end[place + 12 : place + 16], "little")
    if place < 0:
        raise CheckpointError("This is no zip, or its end is missing: make it again.")
    if length > _MAX_LISTING or b"PK\x06\x07" in end[max(0, place - 20) : place]:
        raise CheckpointError(
            f"This zip lists far more than a model's files: {', '.join(_TAKEN)}."
        )


def _place_of(path: str) -> tuple[str, str]:
    """Return a file's folder and name, if it is one of a model's.

    Raises:
        CheckpointError: If it is something else, or its path leads elsewhere.
    """
    folder, _, name = path.rpartition("/")
    if path.startswith("/") or "\\" in path or ".." in folder.split("/"):
        raise CheckpointError(
            f"{path!r:.80} would lie outside of the model's folder: refused."
        )
    if name.lower().endswith(_PICKLES):
        raise CheckpointError(
            f"{name!r:.80} may be a pickle, which can run a program when it is opened: "
            "it is never read. Save the weights as model.safetensors."
        )
    if name not in _TAKEN and name not in _NOT_NEEDED:
        raise CheckpointError(
            f"{name!r:.80} is no file of a model: bring {', '.join(CHECKPOINT_FILES)}."
        )
    return folder, name


def _copy(content: IO[bytes], target: Path, limit: int) -> None:
    written = 0
    with target.open("xb") as file:
        while piece := content.read(2**20):
            written += len(piece)
            if written > limit:
                raise CheckpointError(
                    f"{target.name} is larger than {limit // 2**20} MB: refused."
                )
            file.write(piece)


def _zipped(paths: Sequence[Path], folder: str) -> bytes:
    parcel = io.BytesIO()
    try:
        # Weights are as good as random numbers: compressing gains a tenth, slowly.
        with zipfile.ZipFile(parcel, "w", zipfile.ZIP_STORED) as opened:
            for path in paths:
                opened.write(path, f"{folder}/{path.name}")
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{error.filename} is not there any more: the model was renamed or deleted "
            "meanwhile."
        ) from None
    return parcel.getvalue()
