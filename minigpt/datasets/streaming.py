"""Examples from a text file larger than memory, read as they are needed."""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from torch.utils.data import IterableDataset, get_worker_info

from minigpt.datasets.cuts import LONGEST_PART, last_resort, last_safe_cut
from minigpt.datasets.texts import Example, example, require_length
from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer

BLOCK = 1 << 16  # bytes read at once

# Places in bytes where a text may be cut, as in `cuts`: a line's start, or, for want of
# lines, before a space. Between such bytes no character is cut.
_SAFE = (
    re.compile(rb"(?<=[!-~]\n)(?=[!-~])|(?<=[!-~]\r\n)(?=[!-~])|(?<=\n)(?=\r?\n[!-~])"),
    re.compile(rb"(?<=[!-~])(?= )"),
)


class StreamingTextDataset(IterableDataset[Example]):
    """One long text file as examples, in order, in constant memory.

    An example has `max_length` tokens to read (the last one of a part may be shorter),
    and every token of the file but the first is predicted exactly once. With several
    `DataLoader` workers each takes a part of the file of its own, cut where no token is
    cut.

    Args:
        filepath: A UTF-8 text file.
        tokenizer: One whose vocabulary is built.
        max_length: Most tokens to read in one example.

    Raises:
        DataError: If there is no such file, or it is empty. While iterating: if it is
            not UTF-8 text.
    """

    def __init__(
        self, filepath: str | Path, tokenizer: Tokenizer, max_length: int
    ) -> None:
        require_length(max_length)
        self.filepath = Path(filepath)
        self.tokenizer = tokenizer
        self.max_length = max_length
        if not self.filepath.is_file():
            raise DataError(f"There is no text file {self.filepath}: check the path.")
        self.size = self.filepath.stat().st_size
        if not self.size:
            raise DataError(f"{self.filepath} is empty: give a file with some text.")

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        with self.filepath.open("rb") as file:
            start = _safe_place(file, self.size * number // workers, self.size)
            end = _safe_place(file, self.size * (number + 1) // workers, self.size)
            yield from self._examples(_blocks(file, start, end))

    def _examples(self, blocks: Iterator[str]) -> Iterator[Example]:
        ids: list[int] = []
        step = self.max_length
        for block in blocks:
            ids += self.tokenizer.encode(block)
            full = max(0, len(ids) - 1) // step
            for number in range(full):
                yield example(ids[number * step : (number + 1) * step + 1])
            del ids[: full * step]
        if len(ids) > 1:
            yield example(ids)


def _safe_place(file: BinaryIO, position: int, size: int) -> int:
    """Return the first place from here on where the file may be cut.

    It depends on the position alone, so that two workers agree on their border.
    """
    if position in (0, size):
        return position
    file.seek(position)
    window = file.read(BLOCK)
    for safe in _SAFE:
        if cut := safe.search(window):
            return position + cut.start()
    # No white space in sight: before the next byte that begins a character.
    begins = (i for i, byte in enumerate(window) if byte & 0b1100_0000 != 0b1000_0000)
    return position + next(begins, size - position)


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[str]:
    r"""Read a part of a file as texts that are cut at safe places.

    As `read_text` does, it drops a byte order mark and makes every line end `\n`.
    """
    file.seek(start)
    utf8 = codecs.getincrementaldecoder("utf-8-sig" if start == 0 else "utf-8")()
    decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
    position, text = start, ""
    while position < end:
        content = file.read(min(BLOCK, end - position))
        position += len(content)
        is_last = position >= end or not content
        text += _decode(decoder, content, is_last, f"{file.name}, near byte {position}")
        if is_last:
            break
        cut = last_safe_cut(text)
        if not cut and len(text) > LONGEST_PART:
            cut = last_resort(text)
        if cut:
            yield text[:cut]
            text = text[cut:]
    if text:
        yield text


def _decode(
    decoder: io.IncrementalNewlineDecoder, content: bytes, is_last: bool, place: str
) -> str:
    try:
        text = decoder.decode(content, final=is_last)
    except UnicodeDecodeError:
        raise DataError(
            f"{place}: this is not UTF-8 text. If it is text, save it as UTF-8."
        ) from None
    if "\0" in text:
        raise DataError(f"{place}: this is not text, it holds zero bytes.")
    return text
