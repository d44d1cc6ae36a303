"""What a run reads: training batches, validation text, and the probe of snapshots."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset

from minigpt.config import RunConfig
from minigpt.datasets.batches.examples import (
    Example,
    PackedDataset,
    WindowDataset,
    collate_fn,
)
from minigpt.datasets.batches.lessons_first import LessonsFirst
from minigpt.datasets.batches.repeats import RepeatsFirst
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.corpus import Corpus
from minigpt.datasets.files.token_rows import TokenRow
from minigpt.datasets.repeated_words import RepeatedWords, repeated_words
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message
from minigpt.training.batches import BatchSampler

_SAID_TWICE = 32
_BEGINNING = 1 << 22


@dataclass(frozen=True)
class RunSource:
    """The data of a run."""

    sampler: BatchSampler
    """The batches of each step."""
    held_out: Dataset[Any]
    """The validation examples."""
    probe: Int[Tensor, " pos"]
    """Held-out ids whose attention the snapshots record."""
    said_twice: Int[Tensor, "window pos"] | None = None
    """Windows whose second half repeats the first; only of a run on `repeats`."""
    collate: Callable[[list[Any]], Example] = collate_fn
    """Collates held-out examples into a batch."""
    prompt: tuple[Message, ...] = ()
    """A conversation to answer for each sample (none: continue a newline)."""


def build_source(config: RunConfig, corpus: Corpus, tokenizer: Tokenizer) -> RunSource:
    """Choose the source that a configuration names.

    Args:
        config: Everything that determines the run.
        corpus: Its text as tokens.
        tokenizer: Its tokenizer.

    Raises:
        DataError: If the text is too short.
    """
    train, context = config.train, config.model.max_seq_len
    sampler: RepeatedWords | WindowSampler
    held_out: PackedDataset | WindowDataset
    if config.data.source == "repeats":
        sampler = repeated_words(
            tokenizer, config.data.repeats_words, context, train.batch_size, train.seed
        )
        said_twice = sampler.said_twice(_SAID_TWICE)
        held_out = WindowDataset(sampler.held_out())
        probe = said_twice[0]
    else:
        sampler = WindowSampler(
            corpus.train_tokens, context, train.batch_size, train.seed
        )
        held_out = PackedDataset(corpus.validation_tokens, context)
        probe, said_twice = corpus.validation_tokens[:context], None
    repeats_first = RepeatsFirst(
        sampler, train.repeat_steps, _vocabulary(corpus.train_tokens)
    )
    batches: BatchSampler = repeats_first
    if config.has_lessons:
        batches = LessonsFirst(
            repeats_first,
            tokenizer,
            start=train.lesson_start,
            steps=train.lesson_steps,
            share=train.lesson_share,
        )
    return RunSource(batches, held_out, probe, said_twice)


def _vocabulary(tokens: Int[Tensor, " pos"] | TokenRow) -> Int[Tensor, " token"]:
    """Return the ids that occur in a row; for a file, in its beginning."""
    return torch.unique(tokens if isinstance(tokens, Tensor) else tokens[:_BEGINNING])
