"""Making a tokenizer: from a file, or from a configuration and texts."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from minigpt.config import TokenizerConfig
from minigpt.errors import CheckpointError, ConfigError, near_names
from minigpt.regular_files import named_directory
from minigpt.tokenizers.adapted import INSTALL, AdaptedTokenizer
from minigpt.tokenizers.base import FORMAT, Tokenizer
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.tokenizers.files import read_json
from minigpt.tokenizers.words import WordTokenizer

KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind
    for kind in (CharTokenizer, WordTokenizer, BPETokenizer, AdaptedTokenizer)
}
WRITTEN_FOR_OTHERS = (BPETokenizer, CharTokenizer, AdaptedTokenizer)
"""Those that Hugging Face's format can express."""


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Read what `Tokenizer.save` wrote.

    Args:
        path: The file, or a directory with a `tokenizer.json`.

    Raises:
        CheckpointError: If the file is missing, damaged, or not one of ours.
    """
    path = Path(path)
    if path.is_dir():
        path /= "tokenizer.json"
    fields = read_json(path)
    try:
        return tokenizer_of(fields)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def tokenizer_of(fields: dict[str, Any]) -> Tokenizer:
    """Make a tokenizer of what `Tokenizer.to_dict` returned.

    Raises:
        CheckpointError: If a field is missing, or wrong.
    """
    if fields.get("format") != FORMAT:
        raise CheckpointError(
            f"this is no {FORMAT} file; one of Hugging Face is read with "
            "open_tokenizer."
        )
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(
            f"kind is {kind!r:.80}: it must be one of {', '.join(KINDS)}."
            f"{near_names(str(kind)[:80], KINDS)}"
        )
    return KINDS[kind].from_dict(fields)


def open_tokenizer(path: Path | str) -> Tokenizer:
    """Read a tokenizer's file: one of ours, or one of Hugging Face.

    Byte-level BPE becomes a `BPETokenizer`, which can show every step; all others are
    left to the `tokenizers` library, in an `AdaptedTokenizer`.

    Args:
        path: A `tokenizer.json`, GPT-2's `vocab.json` with `merges.txt` beside it, or a
            directory with either.

    Raises:
        CheckpointError: If the file is missing or damaged, or of a kind that takes the
            `tokenizers` library, which is not installed or cannot read it either.
    """
    path = Path(path)
    directory = named_directory(path)
    file = path if directory is None else directory / "tokenizer.json"
    # GPT-2's two files may be all there is in a directory.
    fields = read_json(file) if directory is None or file.is_file() else {}
    if fields.get("format") == FORMAT:
        return load_tokenizer(file)
    try:
        return BPETokenizer.from_pretrained(path)
    except CheckpointError as reason:
        if not isinstance(fields.get("model"), dict):
            raise
        return _adapted(file, reason)


def _adapted(file: Path, reason: CheckpointError) -> Tokenizer:
    """Let `tokenizers` read a file that `BPETokenizer` does not; why not is said."""
    try:
        return AdaptedTokenizer.from_pretrained(file)
    except CheckpointError as error:
        if INSTALL in str(error):
            raise
        raise CheckpointError(
            f"{reason} And {str(error).removeprefix(f'{file}: ')}"
        ) from None


def exported(tokenizer: Tokenizer) -> bytes:
    """Return the contents of a `tokenizer.json` for others to load.

    Hugging Face's format, which `tokenizers` and `transformers` read; a word tokenizer,
    whose rule for spaces they do not have, in our own.

    Args:
        tokenizer: Any that has a vocabulary.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        if isinstance(tokenizer, WRITTEN_FOR_OTHERS):
            tokenizer.save_huggingface(path)
        else:
            tokenizer.save(path)
        return path.read_bytes()


def build_tokenizer(config: TokenizerConfig, texts: str | Iterable[str]) -> Tokenizer:
    """Make the tokenizer that a configuration describes and teach it texts.

    Args:
        config: Kind, size and rarity.
        texts: One text, or several: the training part alone.

    Raises:
        DataError: If there is no text, or it is not text.
        ConfigError: If the kind is one that only comes with a model.
    """
    tokenizer: Tokenizer
    if config.kind == AdaptedTokenizer.kind:
        raise ConfigError(
            "tokenizer.kind is 'adapted': such a tokenizer comes with its model and "
            "learns nothing; choose char, word or bpe."
        )
    if config.kind == "bpe":
        tokenizer = BPETokenizer(config.vocab_size)
        tokenizer.build_vocab(texts)
    else:
        tokenizer = KINDS[config.kind]()
        tokenizer.build_vocab(texts, config.min_freq)
    return tokenizer
