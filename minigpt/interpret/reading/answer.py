"""What a model attended to when it wrote one token of an answer.

A token is written by the row before it: the last position that the model had read then.
So the row of attention that explains the first word of an answer stands at
`<assistant>`, not at the word. Only that row is kept, of every head; so long texts and
large models cost no more than one pass.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookPoint
from minigpt.model import LanguageModel, TransformerLM
from minigpt.tokenizers.base import Tokenizer

Rows = Float[np.ndarray, "layer head k_pos"]


def rows_that_wrote(model: LanguageModel, tokens: Sequence[int], place: int) -> Rows:
    """Return the attention of every head at the moment when a token was written.

    Args:
        model: With attention.
        tokens: What the model had read and written, up to the token or beyond it.
        place: The token's position, 1 or more; the row is that of place − 1.

    Returns:
        The weights on positions 0 … place − 1; each row sums to 1.

    Raises:
        DataError: If the model has no heads, or the token was not written.
    """
    if not isinstance(model, TransformerLM):
        raise DataError(
            "This model is an MLP: it mixes the last few tokens with fixed weights and "
            "has no attention to show. Choose a transformer."
        )
    if not 0 < place < len(tokens):
        raise DataError(
            f"Token {place} was not written: choose 1 to {len(tokens) - 1}."
        )
    rows: list[Tensor] = []

    def keep_row(pattern: Tensor, hook: HookPoint) -> None:  # noqa: ARG001
        rows.append(pattern[0, :, place - 1].float().cpu())

    names = [
        f"blocks.{layer}.attn.hook_pattern" for layer in range(model.config.num_layers)
    ]
    read = torch.tensor([list(tokens[:place])], device=model.device)
    with torch.inference_mode():
        model.run_with_hooks(read, fwd_hooks=[(name, keep_row) for name in names])
    return torch.stack(rows).numpy()


def weight_on(rows: Rows, places: Sequence[int]) -> Float[np.ndarray, "layer head"]:
    """Return how much of its row each head gives to some places together, 0 to 1.

    Args:
        rows: What `rows_that_wrote` returned.
        places: Positions; those that were not there yet count nothing.
    """
    there = [place for place in places if 0 <= place < rows.shape[-1]]
    total: Float[np.ndarray, "layer head"] = rows[..., there].sum(-1)
    return total


def strongest_head(weights: Float[np.ndarray, "layer head"]) -> tuple[int, int]:
    """Return layer and head of the largest weight."""
    layer, head = np.unravel_index(int(np.argmax(weights)), weights.shape)
    return int(layer), int(head)


class MeanWeight(NamedTuple):
    """How much of their attention all heads together gave to one position."""

    place: int
    weight: float
    """The mean over the heads, 0 to 1."""


def most_read(rows: Rows, places: Sequence[int], number: int = 3) -> list[MeanWeight]:
    """Return the positions that the heads read most, as a mean over all of them.

    Args:
        rows: What `rows_that_wrote` returned.
        places: Which positions may be named.
        number: How many at most.
    """
    mean = rows.mean(axis=(0, 1))
    there = [place for place in places if 0 <= place < len(mean)]
    there.sort(key=lambda place: -float(mean[place]))
    return [MeanWeight(place, float(mean[place])) for place in there[:number]]


def places_of(words: str, tokens: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """Find the tokens that spell some words, wherever a text says them.

    Whole words only ("red" is not in "hundred"), in small letters or capitals.

    Args:
        words: What to look for.
        tokens: The text.
        tokenizer: Its own.

    Returns:
        Positions, in order; of every occurrence.
    """
    ends = [len(tokenizer.decode(tokens[:end])) for end in range(len(tokens) + 1)]
    pattern = rf"(?<!\w){re.escape(words)}(?!\w)"
    found = re.finditer(pattern, tokenizer.decode(tokens), re.IGNORECASE)
    spans = [match.span() for match in found if words]
    return [
        place
        for place, (start, end) in enumerate(pairwise(ends))
        if any(start < last and end > first for first, last in spans)
    ]
