"""Windows of text that the chosen model did not learn from, drawn once."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.checkpoint.metadata import CheckpointMetadata
from minigpt.interpret.corpora import HeldOut, Windows, held_out
from minigpt.tokenizers.base import Tokenizer
from pages.frame import models

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
    entry = models.chosen_entry()
    return _held_out(
        str(entry.path),
        entry.path.stat().st_mtime_ns,
        count,
        length,
        checkpoint.metadata,
        checkpoint.tokenizer,
    )


@st.cache_data(max_entries=32, show_spinner="Looking for text it did not learn from …")
def _held_out(
    path: str,  # noqa: ARG001 (the key: all steps of a model have one text)
    changed: int,  # noqa: ARG001
    count: int,
    length: int,
    _metadata: CheckpointMetadata,
    _tokenizer: Tokenizer,
) -> HeldOut:
    return held_out(_metadata, _tokenizer, length, count)
