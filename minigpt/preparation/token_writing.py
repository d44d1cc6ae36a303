"""Encodes a text to the disk, in a stream that may be interrupted at any moment.

Every few seconds the encoded part is flushed and counted in the index. The next attempt
continues from there, so that nothing is encoded twice.
"""

import errno
import os
import shutil
from typing import BinaryIO, Final

import numpy as np

from minigpt.datasets.corpus import characters_to_learn, stretch
from minigpt.datasets.encoding import encode_parts
from minigpt.datasets.files.text_file import Tell, TextFile
from minigpt.errors import DataError
from minigpt.preparation.encoding.encoder import Encode, encoder
from minigpt.preparation.token_store import (
    PARTS,
    EncodedPart,
    EncodedText,
    PartName,
    removal,
)
from minigpt.tokenizers import Tokenizer

SAVED_EVERY: Final = 1 << 24
"""Characters after which the encoded part is flushed to the disk."""

SPARE_BYTES: Final = 200_000_000
"""Disk space that must stay free for checkpoints."""

_TRIED = 1 << 20
"""Characters to encode in order to estimate the space for the tokens."""


def write_tokens(entry: EncodedText, file: TextFile, tell: Tell) -> EncodedText:
    """Encode the rest of a text.

    Args:
        entry: Which text, and how much of it is encoded.
        file: The text.
        tell: Receives the progress; may raise.

    Raises:
        DataError: If the file changes meanwhile, the disk is too small, or who encodes
            is lost.
    """
    if entry.index.complete:
        return entry
    tokenizer = entry.tokenizer()
    _require_space(entry, file, tokenizer)
    try:
        with encoder(entry, tokenizer) as encode:
            for part in PARTS:
                entry = _write_part(entry, part, file, encode, tell)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # a school's quota
            raise
        raise DataError(
            f"{_full(entry)}. What is encoded is kept, and is not encoded again."
        ) from None
    if file.stamp() != entry.index.stamp:
        shutil.rmtree(entry.path)
        raise DataError(
            f"{file.path} changed while it was read: wait until it is complete, and "
            "start again."
        )
    return entry


def _write_part(
    entry: EncodedText, part: PartName, file: TextFile, encode: Encode, tell: Tell
) -> EncodedText:
    index, done = entry.index, entry.part(part)
    if done.complete:
        return entry
    cut = characters_to_learn(index.num_characters, index.validation_fraction)
    start, end = (0, cut) if part == "train" else (cut, index.num_characters)
    tokens, characters = done.tokens, done.characters
    with _opened(entry, part) as out:
        text = stretch(file.blocks(), start + characters, end)
        for ids, length in encode(text):
            out.write(ids.astype(index.number_type).tobytes())
            tokens, characters = tokens + len(ids), characters + length
            if characters - done.characters >= SAVED_EVERY:
                done = EncodedPart(tokens=tokens, characters=characters)
                entry = _save_progress(entry, part, out, done)
            tell("encoding the text", (start + characters) / index.num_characters)
        done = EncodedPart(tokens=tokens, characters=characters, complete=True)
        return _save_progress(entry, part, out, done)


def _opened(entry: EncodedText, part: PartName) -> BinaryIO:
    """Open a part's file at the position where the index says it ends."""
    path = entry.path / f"{part}.bin"
    out = path.open("r+b" if path.exists() else "w+b")
    num_bytes = entry.part(part).tokens * np.dtype(entry.index.number_type).itemsize
    if out.seek(0, os.SEEK_END) < num_bytes:
        out.close()
        raise DataError(
            f"{path} is damaged, it is shorter than its index says: "
            f"{removal(entry.path)}; the text is then encoded again."
        )
    out.seek(num_bytes)
    out.truncate()
    return out


def _save_progress(
    entry: EncodedText, part: PartName, out: BinaryIO, done: EncodedPart
) -> EncodedText:
    out.flush()
    os.fsync(out.fileno())
    return entry.noted(**{part: done})


def _require_space(entry: EncodedText, file: TextFile, tokenizer: Tokenizer) -> None:
    """Check that the disk has room for the rest of the tokens.

    Raises:
        DataError: If it does not.
    """
    index = entry.index
    beginning = "".join(stretch(file.blocks(), end=_TRIED))
    # With a document's end: whether there is a token for it is known before the rest.
    beginning += index.document_separator or ""
    tried = encode_parts(tokenizer, beginning, index.document_separator)
    per_character = sum(len(ids) for ids, _ in tried) / len(beginning)
    left = index.num_characters - index.train.characters - index.validation.characters
    needed = round(left * per_character * np.dtype(index.number_type).itemsize)
    free = shutil.disk_usage(entry.path).free
    if needed + SPARE_BYTES > free:
        raise DataError(
            f"{_full(entry)}: the tokens take about {needed / 1e6:,.0f} MB, "
            f"{SPARE_BYTES / 1e6:.0f} MB are left for checkpoints, and "
            f"{free / 1e6:,.0f} MB are free."
        )


def _full(entry: EncodedText) -> str:
    return (
        f"The disk of {entry.path.parent} is too full to encode {entry.index.source}. "
        "Free some space (python -m minigpt data tokens shows what can go), or let "
        "MINIGPT_DATA name a directory on another disk"
    )
