"""One text, read, cut in two, and turned into tokens.

Before this stage there is a file (or the built-in `tales`); after it, two long rows of
token ids: one to learn from, one that the model never learns from. `windows` then cuts
batches out of the first. (`repeats` is no text: `repeated_words` makes its windows when
they are needed, and what is kept here is a sample of them.)
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.datasets.cuts import parts
from minigpt.datasets.repeated_words import WORDS, repeated_words
from minigpt.datasets.tales import STORY_END, generate_tales
from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.storage import build_tokenizer

_COUNTED = 20_000
"""Windows of `repeats` to count words and pairs in."""

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_text(path: str | Path) -> str:
    r"""Read a UTF-8 text file as it is, but for two traces of where it was written.

    A byte order mark at the start is dropped, and the line ends of Windows (`\r\n`) and
    of old Macs (`\r`) become `\n`, so that the same text gives the same tokens from
    every machine.

    Args:
        path: The file.

    Raises:
        DataError: If there is no such file, or it is a directory, empty, or not UTF-8
            text.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file {path}: check the path.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory: give one text file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"Cannot read {path}: {reason}.") from None
    text = _decode(content, str(path))
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with some text in it.")
    return text


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name} is UTF-16 text: save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not UTF-8 text: byte {error.start} is "
            f"0x{error.object[error.start]:02x} (line {line}). If it is text, save it "
            "as UTF-8."
        ) from None
    if "\0" in text:
        raise DataError(
            f"{name} is not text: it holds zero bytes. If it is text, save it as UTF-8."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def clean_text(text: str) -> str:
    r"""Make a text plainer, so that a small vocabulary goes further.

    Canonical Unicode (NFC: one character for é, however it was typed), `\n` as the only
    line end, no control or invisible characters, plain spaces, none at line ends, and
    at most one blank line in a row.

    >>> clean_text("Cafe\u0301 \r\n\r\n\r\n\r\nau lait\u00a0!")
    'Café\n\nau lait !\n'
    """
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    text = _CONTROL.sub("", text.translate(_INVISIBLE))
    text = re.sub(r"[^\S\n\t]", " ", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return text + "\n" if text else ""


def split_text(text: str, validation_fraction: float) -> tuple[str, str]:
    """Cut off the end of a text, to validate on.

    The end and not random pieces: neighbouring sentences resemble each other, and a
    model should not be examined on the neighbours of what it has learned.

    Args:
        text: The whole.
        validation_fraction: Share of the characters to hold out, between 0 and 1.

    Returns:
        The training text and the validation text.
    """
    cut = int(len(text) * (1 - validation_fraction))
    return text[:cut], text[cut:]


@dataclass(frozen=True)
class Corpus:
    """A text as tokens, in two parts, with what a run writes down about it."""

    train_tokens: Int[Tensor, " train"]
    validation_tokens: Int[Tensor, " validation"]
    num_characters: int
    """Length of the whole text."""
    sha256: str
    """Fingerprint of the whole text."""


def prepare_corpus(
    data: DataConfig,
    tokenizer: Tokenizer | None,
    tokenizer_config: TokenizerConfig,
    context: int,
) -> tuple[Corpus, Tokenizer]:
    """Read (or write) the text, build its tokenizer, and encode it.

    Args:
        data: Which text, and how much of it to hold out.
        tokenizer: One that exists already; none: it is built on the training part, so
            that the validation part stays unseen by everything.
        tokenizer_config: What to build.
        context: Length of the model's window, in tokens.

    Raises:
        DataError: If the text cannot be read, or either part is shorter than a window.
    """
    if data.source == "repeats":
        return _sample_of_repeats(data, tokenizer, tokenizer_config, context)
    text = load_text(data)
    train_text, validation_text = split_text(text, data.validation_fraction)
    if tokenizer is None:
        tokenizer = build_tokenizer(tokenizer_config, train_text)
    train = encode_corpus(tokenizer, train_text, data)
    validation = encode_corpus(tokenizer, validation_text, data)
    shortest = min(len(train), len(validation))
    if shortest <= context:
        raise DataError(
            f"{data.source} is too short: of its {len(text):,} characters "
            f"{len(train):,} tokens are to learn from and {len(validation):,} to "
            f"validate on, and each part needs {context + 1:,}, one more than "
            "max_seq_len. Give a longer text, or a smaller max_seq_len"
            + (
                ", or a larger validation_fraction."
                if len(validation) == shortest
                else "."
            )
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Corpus(train, validation, len(text), digest), tokenizer


def _sample_of_repeats(
    data: DataConfig,
    tokenizer: Tokenizer | None,
    tokenizer_config: TokenizerConfig,
    context: int,
) -> tuple[Corpus, Tokenizer]:
    """Sample the windows of `repeats`: the first steps', and all that are held out."""
    words = load_text(data)
    if tokenizer is None:
        tokenizer = build_tokenizer(tokenizer_config, words.split())
    source = repeated_words(tokenizer, data.repeats_words, context, batch_size=_COUNTED)
    train, held_out = source.batch(0)[0].flatten(), source.held_out().flatten()
    digest = hashlib.sha256(held_out.numpy().tobytes()).hexdigest()
    return Corpus(train, held_out, len(words), digest), tokenizer


def load_text(data: DataConfig) -> str:
    """Return the text that a run learns from, held-out end included.

    Of `repeats`, that is its words, each once.

    Raises:
        DataError: If it cannot be read.
    """
    if data.source == "tales":
        return generate_tales(round(data.tales_megabytes * 1_000_000))
    if data.source == "repeats":
        return " ".join(WORDS[: data.repeats_words])
    return read_text(data.source)


def encode_corpus(
    tokenizer: Tokenizer, text: str, data: DataConfig
) -> Int[Tensor, " pos"]:
    """Encode a text, with the end-of-text token at the end of each document.

    So a model learns where a story ends. What separates the documents stays in the
    text, after the end: an empty line still announces a beginning.

    Args:
        tokenizer: Built on such a text.
        text: The whole or a part of it.
        data: Says what separates documents; a text without a separator is encoded as
            it is.
    """
    separator = STORY_END if data.source == "tales" else data.document_separator
    if separator is None:
        return encode_text(tokenizer, text)
    *documents, rest = text.split(separator)
    between = tokenizer.encode(separator)
    encoded = [
        np.array(tokenizer.encode(document, add_eos=True) + between, np.int32)
        for document in documents
    ]
    encoded.append(np.array(tokenizer.encode(rest), np.int32))
    return torch.from_numpy(np.concatenate(encoded))


def encode_text(tokenizer: Tokenizer, text: str) -> Int[Tensor, " pos"]:
    """Encode a long text without ever holding its ids as Python numbers.

    Returns:
        The ids, in 32 bits: a text of 1 GB takes 4 GB at most.
    """
    encoded = [np.array(tokenizer.encode(part), np.int32) for part in parts(text)]
    whole = np.concatenate(encoded) if encoded else np.zeros(0, np.int32)
    return torch.from_numpy(whole)
