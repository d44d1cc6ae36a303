"""Examples from a text file larger than memory, read as they are needed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from torch.utils.data import IterableDataset, get_worker_info

from minigpt.datasets.batches.examples import Example, example, require_length
from minigpt.datasets.files.split_points import parts
from minigpt.datasets.files.text_file import BLOCK, TextFile
from minigpt.tokenizers import Tokenizer

# Places in bytes where a text may be split, as in `split_points`: a line's start or,
# for want of lines, before a space. Between such bytes no character is split.
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
        self.file = TextFile(filepath)
        self.tokenizer = tokenizer
        self.max_length = max_length

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        size = self.file.num_bytes
        with self.file.path.open("rb") as file:
            start, end = (
                _safe_place(file, size * border // workers, size)
                for border in (number, number + 1)
            )
        yield from self._examples(parts(self.file.blocks(start, end), BLOCK))

    def _examples(self, texts: Iterator[str]) -> Iterator[Example]:
        ids: list[int] = []
        step = self.max_length
        for text in texts:
            ids += self.tokenizer.encode(text)
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
