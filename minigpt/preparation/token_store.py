"""Texts that have been encoded, in `data/tokens/`: one directory for each.

A large text takes minutes to encode, so its tokens are kept for the next run:

    tokens/stories-3f9a01c2/
        index.json        which text, how split, which tokenizer, how far
        tokenizer.json
        train.bin         the training tokens, one number after the other
        validation.bin    the held-out tokens

`index.json` is replaced as a whole, after the tokens it counts are safely on the disk.
So the next process can continue the work of one that was killed; data in a `.bin`
beyond the count of the index is ignored.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import Field

from minigpt.atomic_writes import replace_file
from minigpt.config import DataConfig, TokenizerConfig
from minigpt.config.base import Config
from minigpt.datasets.files.text_file import Stamp, Tell
from minigpt.datasets.files.token_rows import TokenRow
from minigpt.errors import CheckpointError, ConfigError, DataError, RunError, near_names
from minigpt.places import data_directory
from minigpt.runs.lock import RunLock
from minigpt.tokenizers import Tokenizer, load_tokenizer

PartName = Literal["train", "validation"]
PARTS: Final[tuple[PartName, ...]] = ("train", "validation")


class EncodedPart(Config):
    """How much of one of a text's two parts is encoded."""

    tokens: int = Field(0, ge=0, description="Tokens written.")
    characters: int = Field(0, ge=0, description="Characters they stand for.")
    complete: bool = Field(False, description="Whether that is the whole part.")


class TokenIndex(Config):
    """Which text, how it is split, which tokenizer, and how much is encoded."""

    version: Literal[1] = 1
    source: str = Field(description="Path of the text file.")
    stamp: Stamp = Field(description="Size and time of that file.")
    num_characters: int = Field(ge=1, description="Length of the text.")
    text_sha256: str = Field(description="Fingerprint of the text.")
    validation_fraction: float = Field(description="Share that is held out.")
    document_separator: str | None = Field(description="Between two documents.")
    tokenizer: TokenizerConfig | None = Field(
        description="Settings the tokenizer was built with (none: it existed before)."
    )
    tokenizer_sha256: str = Field(description="Fingerprint of the tokenizer.")
    sample_characters: int | None = Field(
        description="Characters that the tokenizer was built from, if it was."
    )
    number_type: str = Field(
        pattern="^uint(8|16|32)$", description="How one token is written."
    )
    train: EncodedPart = EncodedPart()
    validation: EncodedPart = EncodedPart()

    @property
    def complete(self) -> bool:
        """Whether all of the text is encoded."""
        return self.train.complete and self.validation.complete

    @property
    def name(self) -> str:
        """Name of its directory: the text's file name and a hash of what matters."""
        facts = (
            self.text_sha256,
            self.tokenizer_sha256,
            self.validation_fraction,
            self.document_separator,
        )
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return f"{Path(self.source).stem[:24]}-{digest[:8]}"

    def is_for(self, data: DataConfig, made: "Tokenizer | TokenizerConfig") -> bool:
        """Whether its split and tokenizer are those that a run needs."""
        return (
            self.validation_fraction == data.validation_fraction
            and self.document_separator == data.document_separator
            and (
                self.tokenizer == made
                if isinstance(made, TokenizerConfig)
                else self.tokenizer_sha256 == fingerprint(made)
            )
        )


@dataclass(frozen=True)
class EncodedText:
    """A directory of the store, and its index as last read."""

    path: Path
    index: TokenIndex

    def part(self, name: PartName) -> EncodedPart:
        """Return how much of a part is encoded."""
        return self.index.train if name == "train" else self.index.validation

    def tokenizer(self) -> Tokenizer:
        """Read the tokenizer.

        Raises:
            DataError: If its file is missing or damaged.
        """
        try:
            return load_tokenizer(self.path)
        except CheckpointError as error:
            raise self._damaged(error) from None

    def row(self, part: PartName) -> TokenRow:
        """Open a part's tokens.

        Raises:
            DataError: If the file is missing or damaged.
        """
        path, kind = self.path / f"{part}.bin", np.dtype(self.index.number_type)
        try:
            return TokenRow(path, kind, self.part(part).tokens)
        except DataError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        remedy = f"To repair: {removal(self.path)}; the text is then encoded again."
        return DataError(f"{error} {remedy}")

    def noted(self, **changes: object) -> "EncodedText":
        """Return a copy with changed fields of the index, saved to the disk."""
        fields = {
            name: value.to_dict() if isinstance(value, Config) else value
            for name, value in changes.items()
        }
        index = self.index.replace(**fields)
        replace_file(self.path / "index.json", json.dumps(index.to_dict(), indent=1))
        return EncodedText(self.path, index)


class TokenStore:
    """All encoded texts.

    Args:
        directory: Where they are stored (none: `data/tokens`).
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or data_directory() / "tokens"

    def entries(self) -> list[EncodedText]:
        """Return all encoded texts by name, skipping those without a valid index."""
        found = []
        for path in sorted(self.directory.glob("*/index.json")):
            try:
                index = TokenIndex(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError, ConfigError):
                continue
            found.append(EncodedText(path.parent, index))
        return found

    def find(self, is_wanted: Callable[[TokenIndex], bool]) -> EncodedText | None:
        """Return a matching text, preferably a complete one."""
        found = [entry for entry in self.entries() if is_wanted(entry.index)]
        found.sort(key=lambda entry: entry.index.complete)
        return found[-1] if found else None

    def add(self, index: TokenIndex, tokenizer: Tokenizer) -> EncodedText:
        """Create a directory for a text that is not encoded yet."""
        path = self.directory / index.name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        tokenizer.save(path / "tokenizer.json")
        return EncodedText(path, index).noted()

    def remove(self, name: str) -> None:
        """Delete a text's tokens; the text stays.

        Raises:
            DataError: If there are none of that name.
        """
        names = [path.name for path in self.directory.glob("*/")]
        if name not in names:
            raise DataError(
                f"There are no tokens named {name!r}.{near_names(name, names)} See: "
                "python -m minigpt data tokens"
            )
        with self.turn():
            shutil.rmtree(self.directory / name)

    @contextmanager
    def turn(self, tell: Tell | None = None) -> Iterator[None]:
        """Hold the store's lock, waiting until no other process writes here.

        Args:
            tell: Informed repeatedly while another process holds the lock.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                lock = RunLock.acquire(self.directory)
                break
            except RunError:  # after half a second of patience
                if tell is not None:
                    tell("waiting for another process that encodes a text", 0.0)
        try:
            yield
        finally:
            lock.release()


def fingerprint(tokenizer: Tokenizer) -> str:
    """Return a hash that is equal for tokenizers that give the same tokens."""
    fields = json.dumps(tokenizer.to_dict(), sort_keys=True)
    return hashlib.sha256(fields.encode()).hexdigest()


def removal(path: Path) -> str:
    """Return the instruction that removes a directory of the store."""
    return f"run python -m minigpt data tokens --remove {path.name}"
