"""From text to tokens on the disk, in a stream that may be cut off at any moment.

Every few seconds what was encoded is made safe and noted in the index. Whoever comes
next reads on from there: what was encoded is not encoded again.
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
from minigpt.preparation.token_store import (
    PARTS,
    EncodedPart,
    EncodedText,
    PartName,
    removal,
)
from minigpt.tokenizers import Tokenizer

SAVED_EVERY: Final = 1 << 24
"""Characters after which the encoded part is made safe."""

SPARE_BYTES: Final = 200_000_000
"""Disk space that is left for checkpoints, at least."""

_TRIED = 1 << 20
"""Characters to encode, to know how much space the tokens will take."""


def write_tokens(entry: EncodedText, file: TextFile, tell: Tell) -> EncodedText:
    """Encode what of a text is not encoded yet.

    Args:
        entry: Says which text, and how far it is.
        file: The text.
        tell: Told how far it is; may raise.

    Raises:
        DataError: If the file changes meanwhile, or the disk is too small.
    """
    if entry.index.complete:
        return entry
    tokenizer = entry.tokenizer()
    _require_space(entry, file, tokenizer)
    try:
        for part in PARTS:
            entry = _write_part(entry, part, file, tokenizer, tell)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DataError(
            f"{_full(entry)}. What is encoded stays there, and is not encoded again."
        ) from None
    if file.stamp() != entry.index.stamp:
        shutil.rmtree(entry.path)
        raise DataError(
            f"{file.path} changed while it was read: wait until it is written, and "
            "start again."
        )
    return entry


def _write_part(
    entry: EncodedText, part: PartName, file: TextFile, tokenizer: Tokenizer, tell: Tell
) -> EncodedText:
    index, done = entry.index, entry.part(part)
    if done.complete:
        return entry
    cut = characters_to_learn(index.num_characters, index.validation_fraction)
    start, end = (0, cut) if part == "train" else (cut, index.num_characters)
    tokens, characters = done.tokens, done.characters
    with _opened(entry, part) as out:
        text = stretch(file.blocks(), start + characters, end)
        for ids, length in encode_parts(tokenizer, text, index.document_separator):
            out.write(ids.astype(index.number_type).tobytes())
            tokens, characters = tokens + len(ids), characters + length
            if characters - done.characters >= SAVED_EVERY:
                done = EncodedPart(tokens=tokens, characters=characters)
                entry = _made_safe(entry, part, out, done)
            tell("encoding the text", (start + characters) / index.num_characters)
        done = EncodedPart(tokens=tokens, characters=characters, complete=True)
        return _made_safe(entry, part, out, done)


def _opened(entry: EncodedText, part: PartName) -> BinaryIO:
    """Open a part's file, to go on where the index says that it ends."""
    path = entry.path / f"{part}.bin"
    out = path.open("r+b" if path.exists() else "w+b")
    num_bytes = entry.part(part).tokens * np.dtype(entry.index.number_type).itemsize
    if out.seek(0, os.SEEK_END) < num_bytes:
        out.close()
        raise DataError(
            f"{path} is shorter than its index says, it is damaged: "
            f"{removal(entry.path)}, and the text is encoded again."
        )
    out.seek(num_bytes)
    out.truncate()
    return out


def _made_safe(
    entry: EncodedText, part: PartName, out: BinaryIO, done: EncodedPart
) -> EncodedText:
    out.flush()
    os.fsync(out.fileno())
    return entry.noted(**{part: done})


def _require_space(entry: EncodedText, file: TextFile, tokenizer: Tokenizer) -> None:
    """Check that the disk has room for what is still to be written.

    Raises:
        DataError: If it has not.
    """
    index = entry.index
    beginning = "".join(stretch(file.blocks(), end=_TRIED))
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
