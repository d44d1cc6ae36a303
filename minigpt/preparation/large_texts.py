"""A text file larger than memory: measured, sampled, encoded to disk, and found again.

    read once     measure its length and fingerprint
    read a part   build the vocabulary
    read once     text → tokens, on the disk

Each step streams the file, so memory use stays small; a second run on the same text, or
a resumed one, finds the tokens and reads nothing.
"""

from collections.abc import Iterator

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.datasets.corpus import Corpus, characters_to_learn, stretch
from minigpt.datasets.files.split_points import sample
from minigpt.datasets.files.text_file import (
    Stamp,
    Tell,
    TextFile,
    TextFingerprint,
    tell_nobody,
)
from minigpt.datasets.files.token_rows import smallest_type
from minigpt.preparation.token_store import (
    EncodedText,
    TokenIndex,
    TokenStore,
    fingerprint,
)
from minigpt.preparation.token_writing import write_tokens
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.storage import build_tokenizer


def prepare_large_text(
    data: DataConfig,
    tokenizer: Tokenizer | None,
    tokenizer_config: TokenizerConfig,
    context: int,
    tell: Tell = tell_nobody,
) -> tuple[Corpus, Tokenizer]:
    """Do what `prepare_corpus` does, for a file that does not fit in memory.

    Args:
        data: Which file, and how much of it to hold out.
        tokenizer: An existing tokenizer (none: build one from a sample of the training
            part).
        tokenizer_config: Which tokenizer to build.
        context: Length of the model's window, in tokens.
        tell: Receives the progress; if it raises, finished work is kept.

    Raises:
        DataError: If the text cannot be read, changes meanwhile, is shorter than a
            window, or the disk is full.
    """
    file, store = TextFile(data.source), TokenStore()
    stamp, made = file.stamp(), tokenizer or tokenizer_config

    def is_wanted(index: TokenIndex) -> bool:
        return index.stamp == stamp and index.is_for(data, made)

    entry = store.find(is_wanted)
    if entry is None or not entry.index.complete:
        with store.turn(tell):
            entry = store.find(is_wanted)  # another process may have been quicker
            entry = entry or _begin(store, file, stamp, data, made, tell)
            entry = write_tokens(entry, file, tell)
    return _corpus(entry, context), tokenizer or entry.tokenizer()


def _begin(
    store: TokenStore,
    file: TextFile,
    stamp: Stamp,
    data: DataConfig,
    made: Tokenizer | TokenizerConfig,
    tell: Tell,
) -> EncodedText:
    """Measure a text and build its tokenizer, unless the text is already stored."""
    measured = file.measure(tell)
    known = store.find(
        lambda index: index.text_sha256 == measured.sha256 and index.is_for(data, made)
    )
    if known is not None:  # copied, moved or touched, but unchanged
        return known.noted(source=str(file.path.absolute()), stamp=stamp)
    tokenizer, learned_from = _tokenizer_for(file, measured, data, made, tell)
    index = TokenIndex(
        source=str(file.path.absolute()),
        stamp=stamp,
        num_characters=measured.num_characters,
        text_sha256=measured.sha256,
        validation_fraction=data.validation_fraction,
        document_separator=data.document_separator,
        tokenizer=made if isinstance(made, TokenizerConfig) else None,
        tokenizer_sha256=fingerprint(tokenizer),
        sample_characters=learned_from,
        number_type=smallest_type(tokenizer.vocab_size).name,
    )
    return store.add(index, tokenizer)


def _tokenizer_for(
    file: TextFile,
    measured: TextFingerprint,
    data: DataConfig,
    made: Tokenizer | TokenizerConfig,
    tell: Tell,
) -> tuple[Tokenizer, int | None]:
    """Build the tokenizer if needed; return how many characters it was built from."""
    if isinstance(made, Tokenizer):
        return made, None
    length = characters_to_learn(measured.num_characters, data.validation_fraction)
    learned_from = 0

    def watched() -> Iterator[str]:
        nonlocal learned_from
        most = min(length, made.sample_characters)
        text = stretch(file.blocks(), end=length)
        for part in sample(text, length, made.sample_characters):
            learned_from += len(part)
            tell("learning the vocabulary", min(1.0, learned_from / most))
            yield part

    return build_tokenizer(made, watched()), learned_from


def _corpus(entry: EncodedText, context: int) -> Corpus:
    index = entry.index
    corpus = Corpus(
        entry.row("train"),
        entry.row("validation"),
        index.num_characters,
        index.text_sha256,
        index.sample_characters,
    )
    corpus.require_windows(context, index.source)
    return corpus
