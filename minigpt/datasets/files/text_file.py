"""A text file, read block by block: any size, in the memory of one block.

All files come in through here, whether they are joined to one text (`corpus`) or are
larger than memory (`streaming`, and `minigpt.preparation.large_texts`).
"""

import codecs
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from minigpt.config.base import Config
from minigpt.errors import DataError
from minigpt.regular_files import open_regular

BLOCK: Final = 1 << 16
"""Bytes read at once."""

Tell = Callable[[str, float], None]
"""Told what is being done and which share of it is done; may raise, to stop it."""


def tell_nobody(_activity: str, _share: float) -> None:
    """Let nobody know."""


class Stamp(Config):
    """How a file looks from outside, to notice in no time that it is another."""

    num_bytes: int
    modified: int
    """When it was last written, in nanoseconds since 1970."""
    ends: str
    """SHA-256 of its first and its last block."""


class TextFingerprint(NamedTuple):
    """What is known of a text once all of it was read."""

    num_characters: int
    sha256: str
    """Of the text with plain line ends, in UTF-8: its fingerprint."""


class TextFile:
    r"""A UTF-8 text file that may be read as often as you like.

    A byte order mark at the start is dropped, and the line ends of Windows (`\r\n`) and
    of old Macs (`\r`) become `\n`, so that the same text gives the same tokens from
    every machine.

    Args:
        path: The file.

    Raises:
        DataError: If there is no such file, or it is empty, a directory or a pipe.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._open() as file:
            self.num_bytes = os.fstat(file.fileno()).st_size
        if not self.num_bytes:
            raise DataError(f"{path} is empty: give a file with some text in it.")

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the text between two bytes, block by block.

        Args:
            start: Where to begin: where a character does, and not inside a line end.
            end: Where to stop, likewise (none: at the end of the file).

        Raises:
            DataError: If that is not UTF-8 text, or the file became shorter.
        """
        end = self.num_bytes if end is None else end
        # The mark would be a character anywhere else.
        utf8 = codecs.getincrementaldecoder("utf-8-sig" if start == 0 else "utf-8")()
        decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        with self._open() as file:
            file.seek(start)
            while start < end:
                content = self._read(file, min(BLOCK, end - start))
                if start == 0 and content.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise DataError(f"{self.path} is UTF-16 text: save it as UTF-8.")
                start += len(content)
                text = self._decoded(decoder, content, start, final=start == end)
                if text:
                    yield text

    def contents(self, most: int) -> bytes:
        """Return all its bytes, of whatever kind.

        Args:
            most: The largest size, in bytes.

        Raises:
            DataError: If it is larger, or cannot be read.
        """
        if self.num_bytes > most:
            raise DataError(
                f"{self.path} has {self.num_bytes:,} bytes: in this form it must be "
                f"read as a whole, and at most {most:,} are. Divide it."
            )
        with self._open() as file:
            return self._read(file, most)

    def measure(self, tell: Tell = tell_nobody) -> TextFingerprint:
        """Read all of it, to know its length and fingerprint.

        Args:
            tell: Told how far it is.

        Raises:
            DataError: If it is not UTF-8 text, or nothing but white space.
        """
        digest, characters, num_bytes, is_blank = hashlib.sha256(), 0, 0, True
        for block in self.blocks():
            content = block.encode()
            digest.update(content)
            characters += len(block)
            num_bytes += len(content)
            is_blank = is_blank and block.isspace()
            tell("reading the text", min(1.0, num_bytes / self.num_bytes))
        if is_blank:
            raise DataError(f"{self.path} is empty: give a file with some text in it.")
        return TextFingerprint(characters, digest.hexdigest())

    def stamp(self) -> Stamp:
        """Look at the file from outside: its size, its time, its two ends."""
        with self._open() as file:
            facts = os.fstat(file.fileno())
            digest = hashlib.sha256(file.read(BLOCK))
            file.seek(max(0, facts.st_size - BLOCK))
            digest.update(file.read(BLOCK))
        return Stamp(
            num_bytes=facts.st_size,
            modified=facts.st_mtime_ns,
            ends=digest.hexdigest(),
        )

    def _open(self) -> BinaryIO:
        try:
            return open_regular(self.path)
        except FileNotFoundError:
            raise DataError(f"There is no file {self.path}: check the path.") from None
        except IsADirectoryError:
            raise DataError(
                f"{self.path} is a directory: give one text file."
            ) from None
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def _read(self, file: BinaryIO, num_bytes: int) -> bytes:
        try:
            content = file.read(num_bytes)
        except OSError as error:
            raise self._unreadable(error) from None
        if not content:
            raise DataError(
                f"{self.path} became shorter while it was read: wait until it is "
                "written, and start again."
            )
        return content

    def _unreadable(self, error: Exception) -> DataError:
        reason = getattr(error, "strerror", None) or error
        return DataError(f"Cannot read {self.path}: {reason}.")

    def _decoded(
        self,
        decoder: io.IncrementalNewlineDecoder,
        content: bytes,
        end: int,
        *,
        final: bool,
    ) -> str:
        try:
            text = decoder.decode(content, final=final)
        except UnicodeDecodeError as error:
            # The decoder may have kept some bytes of the block before: count from
            # the end.
            place = end - len(error.object) + error.start
            raise DataError(
                f"{self.path} is not UTF-8 text: byte {place} is "
                f"0x{error.object[error.start]:02x} (line {self._line(place)}). If it "
                "is text, save it as UTF-8."
            ) from None
        if "\0" in text:
            place = end - len(content) + content.index(0)
            raise DataError(
                f"{self.path} is not text: byte {place} is zero. If it is text, save "
                "it as UTF-8."
            )
        return text

    def _line(self, place: int) -> int:
        """Return the number of the line that a byte stands in, from 1."""
        with self._open() as file:
            starts = range(0, place, BLOCK)
            sizes = (min(BLOCK, place - start) for start in starts)
            return 1 + sum(file.read(size).count(b"\n") for size in sizes)
