"""Windows of text that the chosen model did not learn from, drawn once."""

import json
from hashlib import sha256

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import HeldOut, Windows, held_out
from minigpt.interpret.openings.opening import held_out_prompts
from minigpt.tokenizers import Tokenizer
from pages.frame.remember import remember

LONGEST = 64
"""Tokens of a window: enough to see what heads do, and quick on a large model."""


def windows(checkpoint: Checkpoint, count: int = 16) -> Windows:
    """Return windows of the chosen model's held-out text, [window pos].

    Args:
        checkpoint: The chosen model.
        count: How many; each has 64 tokens, or as many as the model reads.
    """
    return held_out_text(checkpoint, count).windows


def held_out_text(checkpoint: Checkpoint, count: int = 16) -> HeldOut:
    """Return such windows, and words that say which text they are from."""
    length = min(LONGEST, checkpoint.model.config.max_seq_len)
    return _held_out(checkpoint, length, count)


def _text_of(checkpoint: Checkpoint) -> tuple[str, str]:
    """Return what the text depends on, which all steps of a model share."""
    provenance = checkpoint.metadata.provenance
    source = [provenance.get(name) for name in ("data", "text_sha256")]
    return json.dumps(source, sort_keys=True), vocabulary_of(checkpoint.tokenizer)


@remember(32)
def vocabulary_of(tokenizer: Tokenizer) -> str:
    """Return what tells a tokenizer from those that read a text otherwise."""
    return sha256(json.dumps(tokenizer.to_dict()).encode()).hexdigest()


@remember(
    32,
    spinner="Looking for held-out text …",
    key=lambda checkpoint, length, count: (_text_of(checkpoint), length, count),
)
def _held_out(checkpoint: Checkpoint, length: int, count: int) -> HeldOut:
    return held_out(checkpoint.metadata, checkpoint.tokenizer, length, count)


@remember(64)
def other_prompts(
    checkpoint: Checkpoint, length: int = 16, count: int = 12
) -> list[tuple[str, list[int]]]:
    """Return short texts to ask about, with their tokens: see `held_out_prompts`."""
    return list(held_out_prompts(checkpoint, length, count))
