"""One text, read, cut in two, and turned into tokens.

Before this stage there is a file (or the built-in `tales`); after it, two long rows of
token ids: one to learn from, one that the model never learns from. `windows` then cuts
batches out of the first. (`repeats` is no text: `repeated_words` makes its windows when
they are needed, and what is kept here is a sample of them.)
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Int
from torch import Tensor

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.config.training import BUILT_IN
from minigpt.datasets.encoding import encode_corpus
from minigpt.datasets.files.split_points import sample
from minigpt.datasets.files.text_file import Tell, TextFile, tell_nobody
from minigpt.datasets.files.token_rows import TokenRow
from minigpt.datasets.repeated_words import WORDS, repeated_words
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.storage import build_tokenizer

_COUNTED = 20_000
"""Windows of `repeats` to count words and pairs in."""

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


LARGE = 1 << 25
"""A text of more bytes than this (34 million) is not held in memory as a whole."""

MOST_HELD_OUT = 10_000_000
"""Characters of a large text to validate on, at most: more would take longer and tell
no more."""


def read_text(path: str | Path) -> str:
    r"""Read a UTF-8 text file as it is, but for two traces of where it was written.

    A byte order mark at the start is dropped, and every line ends with `\n`: see
    `TextFile`.

    Args:
        path: The file.

    Raises:
        DataError: If there is no such file, or it is a directory, empty, or not UTF-8
            text.
    """
    text = "".join(TextFile(path).blocks())
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with some text in it.")
    return text


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
    cut = characters_to_learn(len(text), validation_fraction)
    return text[:cut], text[cut:]


def characters_to_learn(num_characters: int, validation_fraction: float) -> int:
    """Return after how many characters a text is cut in two.

    >>> characters_to_learn(1_000_000, 0.1), characters_to_learn(2_000_000_000, 0.1)
    (900000, 1990000000)
    """
    cut = int(num_characters * (1 - validation_fraction))
    if num_characters > LARGE:
        cut = max(cut, num_characters - MOST_HELD_OUT)
    return cut


@dataclass(frozen=True)
class Corpus:
    """A text as tokens, in two parts, with what a run writes down about it."""

    train_tokens: Int[Tensor, " train"] | TokenRow
    validation_tokens: Int[Tensor, " validation"] | TokenRow
    num_characters: int
    """Length of the whole text."""
    sha256: str
    """Fingerprint of the whole text."""
    sample_characters: int | None = None
    """How much of it the tokenizer learned from (none: all that is to be learned)."""

    def require_windows(self, context: int, source: str) -> None:
        """Check that both parts are longer than a window.

        Args:
            context: Length of the model's window, in tokens.
            source: What the text is called.

        Raises:
            DataError: If one is not.
        """
        train, validation = len(self.train_tokens), len(self.validation_tokens)
        if min(train, validation) > context:
            return
        raise DataError(
            f"{source} is too short: of its {self.num_characters:,} characters "
            f"{train:,} tokens are to learn from and {validation:,} to validate on, "
            f"and each part needs {context + 1:,}, one more than max_seq_len. Give a "
            "longer text, or a smaller max_seq_len"
            + (", or a larger validation_fraction." if validation <= train else ".")
        )


def prepare_corpus(
    data: DataConfig,
    tokenizer: Tokenizer | None,
    tokenizer_config: TokenizerConfig,
    context: int,
    tell: Tell = tell_nobody,
) -> tuple[Corpus, Tokenizer]:
    """Read (or write) the text, build its tokenizer, and encode it.

    Args:
        data: Which text, and how much of it to hold out.
        tokenizer: One that exists already; none: it is built on the training part, so
            that the validation part stays unseen by everything.
        tokenizer_config: What to build.
        context: Length of the model's window, in tokens.
        tell: Told of each stage.

    Raises:
        DataError: If the text cannot be read, or either part is shorter than a window.
    """
    if data.source == "repeats":
        return _sample_of_repeats(data, tokenizer, tokenizer_config, context)
    tell("reading the text", 0.0)
    text = load_text(data)
    train_text, validation_text = split_text(text, data.validation_fraction)
    if tokenizer is None:
        tell("learning the vocabulary", 0.0)
        length, most = len(train_text), tokenizer_config.sample_characters
        learned = sample(train_text, length, most) if length > most else train_text
        tokenizer = build_tokenizer(tokenizer_config, learned)
    tell("encoding the text", 0.0)
    corpus = Corpus(
        encode_corpus(tokenizer, train_text, data),
        encode_corpus(tokenizer, validation_text, data),
        len(text),
        hashlib.sha256(text.encode()).hexdigest(),
    )
    corpus.require_windows(context, data.source)
    return corpus, tokenizer


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


def text_to_learn(data: DataConfig, most: int) -> str:
    """Return a text, or of one that is longer parts from all over it.

    Args:
        data: Says which text.
        most: Characters to return, about.

    Raises:
        DataError: If it cannot be read.
    """
    if not is_large(data):
        return load_text(data)
    file = TextFile(data.source)
    return "".join(sample(file.blocks(), file.measure().num_characters, most))


def held_out_text(data: DataConfig, tell: Tell = tell_nobody) -> tuple[str, str]:
    """Return the end of a text, which a run validates on, and the whole's fingerprint.

    Args:
        data: Says which text, and how much of it is held out.
        tell: Told how far a large text is read; may raise, to stop it.

    Raises:
        DataError: If it cannot be read.
    """
    if not is_large(data):
        text = load_text(data)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return split_text(text, data.validation_fraction)[1], fingerprint
    file = TextFile(data.source)
    length, fingerprint = file.measure(tell)
    cut = characters_to_learn(length, data.validation_fraction)
    return "".join(stretch(file.blocks(), cut)), fingerprint


def is_large(data: DataConfig) -> bool:
    """Whether a run's text is a file that should not be held in memory as a whole."""
    if data.source in BUILT_IN:
        return False
    try:
        size = Path(data.source).stat().st_size
    except (OSError, ValueError):
        return False  # whoever opens it says what is wrong
    return size > LARGE


def stretch(
    blocks: Iterable[str], start: int = 0, end: int | None = None
) -> Iterator[str]:
    """Yield what stands between two places of a text that comes in blocks.

    >>> list(stretch(["abc", "def", "gh"], 2, 7))
    ['c', 'def', 'g']
    """
    place = 0
    for block in blocks:
        if end is not None and place >= end:
            return
        last = None if end is None else end - place
        if found := block[max(0, start - place) : last]:
            yield found
        place += len(block)
