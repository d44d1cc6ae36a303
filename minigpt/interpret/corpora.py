"""Text to try a model on: windows of its own data that it did not learn from.

What a head does on one prompt may be chance. The stages after this one (ablation,
corpus examples, comparing) therefore look at many windows, all drawn here:

- a model of `tales` reads tales of worlds that no training story tells;
- a model of a text file reads the end of that file, which its run held out;
- a model of repeated random words reads such windows, drawn for this alone;
- a model that knows neither reads random tokens of its vocabulary, and says so.
"""

import time
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from minigpt.checkpoint.metadata import CheckpointMetadata
from minigpt.config import DataConfig
from minigpt.datasets.corpus import held_out_text
from minigpt.datasets.encoding import encode_corpus
from minigpt.datasets.files.split_points import parts
from minigpt.datasets.repeated_words import repeated_words
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import ConfigError, DataError
from minigpt.tokenizers.base import Tokenizer

LONGEST_TEXT = 200_000
"""Characters of a held-out text to encode: plenty for some windows, and quick."""

PATIENCE = 20.0
"""Seconds to look for held-out text in a file that a checkpoint names."""

MOST_UNKNOWN = 0.1
"""With a larger share of `<unk>`, a text says little about a model."""


Windows = Int[np.ndarray, "window pos"]
"""Ids of several stretches of text, all of one length."""


class HeldOut(NamedTuple):
    """Windows of a text, and what the text is."""

    windows: Windows
    description: str
    """Goes on "the model read …": `stories it did not learn from`."""


def held_out(
    metadata: CheckpointMetadata,
    tokenizer: Tokenizer,
    length: int,
    count: int = 16,
    seed: int = 0,
) -> HeldOut:
    """Draw windows of text that a model did not learn from, and say which text.

    Args:
        metadata: The model's: `provenance["data"]` names its text.
        tokenizer: The model's own.
        length: Tokens in a window.
        count: Windows.
        seed: Same seed, same windows.
    """
    rng = np.random.default_rng([seed, length, count])
    data = _data_of(metadata)
    if data is not None and data.source == "repeats":
        windows = repeated_words(tokenizer, data.repeats_words, length).held_out()
        chosen = rng.choice(len(windows), count, replace=count > len(windows))
        return HeldOut(windows.numpy()[chosen, :length], "random words, repeated")
    for text in (_file_of(data, metadata), _tales(seed)):
        tokens = _encoded(text, tokenizer)
        if text is not None and len(tokens) >= length:
            return HeldOut(_cut(tokens, length, count, rng), text.description)
    ids = ordinary_tokens(tokenizer)
    return HeldOut(rng.choice(ids, (count, length)), "random tokens of its vocabulary")


def held_out_windows(
    metadata: CheckpointMetadata,
    tokenizer: Tokenizer,
    length: int,
    count: int = 16,
    seed: int = 0,
) -> Windows:
    """Draw windows of text that a model did not learn from: see `held_out`."""
    return held_out(metadata, tokenizer, length, count, seed).windows


def ordinary_tokens(tokenizer: Tokenizer) -> Int[np.ndarray, " token"]:
    """Return every id that stands for text; all ids, if there is no other."""
    special = tokenizer.special_tokens
    ids = [token for token in range(tokenizer.vocab_size) if token not in special]
    return np.array(ids or range(tokenizer.vocab_size), np.int64)


class Divided(NamedTuple):
    """Windows of a model's own text in two parts that share none."""

    fitted: Windows
    """To fit something on: from the beginning."""
    unseen: Windows
    """To try it on: from the rest."""
    description: str
    """As `HeldOut`'s."""


def divided(
    metadata: CheckpointMetadata,
    tokenizer: Tokenizer,
    length: int,
    counts: tuple[int, int],
) -> Divided | None:
    """Draw windows of what a model's run held out, to fit on and to try on.

    Args:
        metadata: The model's: `provenance["data"]` names its text.
        tokenizer: The model's own.
        length: Tokens in a window.
        counts: Windows to fit on, and to try on.

    Returns:
        None where the model names no text, or one too short or not at hand.
    """
    rng, data = np.random.default_rng([0, length, *counts]), _data_of(metadata)
    if data is None or not metadata.provenance.get("data"):
        return None
    if data.source == "repeats":
        drawn = repeated_words(tokenizer, data.repeats_words, length).held_out().numpy()
        chosen, first = rng.permutation(drawn[:, :length]), len(drawn) * 3 // 4
        both = chosen[:first][: counts[0]], chosen[first:][: counts[1]]
        return Divided(*both, "random words, repeated")
    text = _tales(0) if data.source == "tales" else _file_of(data, metadata)
    tokens = _encoded(text, tokenizer)
    first = len(tokens) * 3 // 4
    if text is None or len(tokens) - first < length:
        return None
    fitted = _cut(tokens[:first], length, counts[0], rng)
    unseen = _cut(tokens[first:], length, counts[1], rng)
    return Divided(fitted, unseen, text.description)


class _Text(NamedTuple):
    characters: str
    data: DataConfig
    """Says where its documents end."""
    description: str


def _tales(seed: int) -> _Text:
    characters = _unseen_tales(LONGEST_TEXT, seed)
    return _Text(characters, DataConfig(), "stories it did not learn from")


@lru_cache(maxsize=1)
def _unseen_tales(characters: int, seed: int) -> str:
    return generate_tales(characters, seed, split="held_out")


def _data_of(metadata: CheckpointMetadata) -> DataConfig | None:
    try:
        return DataConfig(**metadata.provenance.get("data", {}))
    except (ConfigError, TypeError):
        return None


def _file_of(data: DataConfig | None, metadata: CheckpointMetadata) -> _Text | None:
    """Return what the model's run held out of its file; None without such a file."""
    if data is None or data.source == "tales":
        return None
    deadline = time.monotonic() + PATIENCE

    def give_up(_activity: str, _share: float) -> None:
        if time.monotonic() > deadline:
            raise DataError("The text takes too long to read.")

    try:
        rest, fingerprint = held_out_text(data, give_up)
    except DataError:
        return None
    # Another text would not be the one held out. And a checkpoint may come from
    # anyone: it must not open a file that its maker never read.
    if fingerprint != metadata.provenance.get("text_sha256"):
        return None
    return _Text(rest, data, "the part of its text that it did not learn from")


def _encoded(text: _Text | None, tokenizer: Tokenizer) -> Int[np.ndarray, " pos"]:
    """Encode a text; nothing, if too little of it is known to the tokenizer."""
    if text is None or not text.characters:
        return np.zeros(0, np.int64)
    beginning = next(parts(text.characters, LONGEST_TEXT))
    data = text.data
    if tokenizer.eos_id is None:
        data = DataConfig(source="a text without ends")
    tokens = encode_corpus(tokenizer, beginning, data).numpy().astype(np.int64)
    unknown = np.mean(tokens == tokenizer.unk_id) if tokenizer.unk_id else 0.0
    return tokens if unknown <= MOST_UNKNOWN else tokens[:0]


def _cut(
    tokens: Int[np.ndarray, " pos"], length: int, count: int, rng: np.random.Generator
) -> Windows:
    """Draw windows that do not overlap, while there are enough of them."""
    slots = len(tokens) // length
    if slots >= count:
        spare = int(rng.integers(len(tokens) - slots * length + 1))
        starts = spare + np.sort(rng.choice(slots, count, replace=False)) * length
    else:
        starts = np.sort(rng.integers(len(tokens) - length + 1, size=count))
    return tokens[starts[:, None] + np.arange(length)]
