"""Packs a model's files into a zip, and unpacks untrusted uploads.

A checkpoint is numbers and JSON, so only such files are accepted, from a fixed list of
names: no file is ever written under a name that an uploader chose. Sizes are counted
while unpacking, whatever the zip claims.
"""

import io
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from minigpt.checkpoint import load_checkpoint, read_metadata
from minigpt.checkpoint.metadata import CONFIG_FILE
from minigpt.checkpoint.save import TOKENIZER_FILE, WEIGHTS_FILE
from minigpt.config import MLPConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.library.notes import MOST_BYTES, NOTES_FILE
from minigpt.pretrained import export_pretrained
from minigpt.pretrained.adapters import ADAPTER_FILE, ADAPTER_WEIGHTS_FILE
from minigpt.pretrained.codebases.tokens import OWN_TOKENIZER_FILE
from minigpt.pretrained.export import fitting_shape

MAX_BYTES = 500 * 2**20
"""The largest accepted model, in bytes: GPT-2 in 32 bits."""
_MAX_JSON = 32 * 2**20
_MAX_CONFIG = 2**20
_MAX_LISTING = 2**16
"""Limit for a zip's list of contents, in bytes: enough for hundreds of files."""

CHECKPOINT_FILES = (CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE)
_TAKEN = {
    **dict.fromkeys((TOKENIZER_FILE, OWN_TOKENIZER_FILE, "vocab.json"), _MAX_JSON),
    "merges.txt": _MAX_JSON,
    "tokenizer_config.json": _MAX_JSON,
    CONFIG_FILE: _MAX_CONFIG,
    WEIGHTS_FILE: MAX_BYTES,
    NOTES_FILE: MOST_BYTES,
}
_NOT_NEEDED = (
    "about.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "optimizer.safetensors",
    "special_tokens_map.json",
    "trainer.json",
)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")


def pack(checkpoint: Path, name: str, notes: Path | None = None) -> bytes:
    """Return a checkpoint as a zip, all its files in one folder.

    Args:
        checkpoint: Its directory.
        name: The folder's name, already validated.
        notes: The notes on the model, which travel with it where there are any.

    Raises:
        CheckpointError: If a file is missing.
    """
    files = {file: checkpoint / file for file in CHECKPOINT_FILES}
    if notes is not None and notes.is_file():
        files[NOTES_FILE] = notes
    return _zipped(files, name)


def pack_for_others(checkpoint: Path, name: str) -> bytes:
    """Return a zip of a model in the format of Hugging Face.

    Raises:
        ConfigError: If that format cannot express it.
        CheckpointError: If the model cannot be read.
    """
    model, tokenizer, _ = load_checkpoint(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        directory = export_pretrained(model, tokenizer, Path(folder) / name)
        files = {path.name: path for path in sorted(directory.iterdir())}
        return _zipped(files, name)


def why_not_for_others(checkpoint: Path) -> str:
    """Explain why the Hugging Face format cannot express a model; empty if it can.

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
        directory: Where to write. After an error, the caller removes it.

    Raises:
        CheckpointError: If there is a file that does not belong to a model, or one is
            too large.
    """
    try:
        _unpack(files, directory)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # zipfile raises RuntimeError for an encrypted file.
        raise CheckpointError(
            f"{files[0][0]!r:.80} cannot be unpacked ({error}): create the zip again."
        ) from None


def _unpack(files: Sequence[tuple[str, IO[bytes]]], directory: Path) -> None:
    folders = set()
    for path, content in _contents(files):
        folder, name = _place_of(path)
        folders.add(folder)
        if len(folders) > 1:
            raise CheckpointError(
                f"{path!r:.80} is in a different folder from the rest: upload one "
                "model at a time, all files in one folder."
            )
        if name in _NOT_NEEDED:
            continue
        if (directory / name).exists():
            raise CheckpointError(
                f"There are two files named {name}: upload one model at a time."
            )
        _copy(content, directory / name, _TAKEN[name])


def _contents(
    files: Sequence[tuple[str, IO[bytes]]],
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files, or those inside the zip.

    Raises:
        CheckpointError: If the zip contains a link or uses unusual compression.
    """
    if len(files) != 1 or not files[0][0].lower().endswith(".zip"):
        yield from files
        return
    _check_listing(files[0][1])
    with zipfile.ZipFile(files[0][1]) as opened:
        for entry in opened.infolist():
            # macOS adds a metadata file for each file.
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


def _check_listing(archive: IO[bytes]) -> None:
    """Refuse a list of a million files before Python reads it into memory.

    The length of the list is in the last record. The zip64 format can override it; no
    accepted model needs that format.

    Raises:
        CheckpointError: If the list is too long, or missing.
    """
    size = archive.seek(0, io.SEEK_END)
    archive.seek(max(0, size - 2**16 - 42))
    end = archive.read()
    archive.seek(0)
    place = end.rfind(b"PK\x05\x06")
    length = int.from_bytes(end[place + 12 : place + 16], "little")
    if place < 0:
        raise CheckpointError(
            "This is not a zip file, or it is truncated: create it again."
        )
    if length > _MAX_LISTING or b"PK\x06\x07" in end[max(0, place - 20) : place]:
        raise CheckpointError(
            f"This zip lists far more than a model's files: {', '.join(_TAKEN)}."
        )


def _place_of(path: str) -> tuple[str, str]:
    """Return the folder and name of a file that belongs to a model.

    Raises:
        CheckpointError: If it does not, or its path leads out of the folder.
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
    if name in (ADAPTER_FILE, ADAPTER_WEIGHTS_FILE):
        raise CheckpointError(
            f"{name} belongs to a PEFT adapter, which is not a whole model: add it "
            "to its base with minigpt import … --base …, or merge it "
            "(merge_and_unload), save that, and upload it."
        )
    if name not in _TAKEN and name not in _NOT_NEEDED:
        raise CheckpointError(
            f"{name!r:.80} does not belong to a model: upload "
            f"{', '.join(CHECKPOINT_FILES)}."
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


def _zipped(files: Mapping[str, Path], folder: str) -> bytes:
    archive = io.BytesIO()
    try:
        # Weights hardly compress: deflating saves a tenth, slowly.
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
            for name, path in files.items():
                opened.write(path, f"{folder}/{name}")
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{error.filename} no longer exists: the model was renamed or deleted in "
            "the meantime."
        ) from None
    return archive.getvalue()
