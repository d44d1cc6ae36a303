"""A place in a model where something is large, and how a search looks for one.

A lesson that opens anywhere may open where its own sentence is false. A search runs the
model on text that it did not learn from, measures the lesson's effect at many places,
and returns the place where it is largest, with its size.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.corpora import held_out_windows
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class Opening:
    """A prompt and a place in it, and what is large there."""

    prompt: str
    layer: int
    head: int
    token: int
    """Position in the prompt's tokens."""
    effects: Mapping[str, float] = field(default_factory=dict)
    """What was measured there, by name, in the units that the search names."""


def transformer_of(checkpoint: Checkpoint) -> TransformerLM:
    """Return a checkpoint's model, where it has heads to search.

    Raises:
        DataError: If it is an MLP.
    """
    if not isinstance(checkpoint.model, TransformerLM):
        raise DataError("An MLP has no attention heads. Choose a transformer.")
    return checkpoint.model


def held_out_prompts(
    checkpoint: Checkpoint, length: int = 16, count: int = 12
) -> Iterator[tuple[str, list[int]]]:
    """Yield stretches of text that the model did not learn from, with their tokens.

    Only those come that the tokenizer reads back as the same tokens: a page will read
    the text, not the tokens.

    Args:
        checkpoint: Model, tokenizer and metadata.
        length: Tokens in a prompt; fewer where the model reads fewer.
        count: Stretches to look at.
    """
    model, tokenizer, metadata = checkpoint
    length = min(length, model.config.max_seq_len)
    windows = held_out_windows(metadata, tokenizer, 3 * length, 2 * count)
    found = []
    for window in windows.tolist():
        text = _from_a_beginning(tokenizer.decode(window))
        tokens = tokenizer.encode(text)[:length]
        prompt = tokenizer.decode(tokens)
        if len(tokens) == length and tokenizer.encode(prompt) == tokens:
            found.append((prompt, tokens))
    # A text reads best where its first word is one token.
    found.sort(key=lambda each: tokenizer.pieces(each[1])[1][:1].isalnum())
    yield from found[:count]


def _from_a_beginning(text: str) -> str:
    """Return a text from its first new sentence on, or else from its first new word."""
    found = re.search(r"[.!?\n]\s+(?=\S)", text) or re.search(r"\s+(?=\S)", text)
    return text[found.end() :] if found else text
