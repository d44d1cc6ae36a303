"""Losses to compare with: what counting alone achieves, without a network.

- *uniform*: every token equally likely, ln(vocab).
- *unigram*: each token as likely as its frequency in the training text.
- *bigram*: as likely as its frequency after the previous token.

Counts come from the training text, losses from the validation text. A pair that was
never seen would cost infinity, so counts are smoothed: each distribution starts with
one imaginary observation of the simpler one (`p = (count + p_simpler) / (total + 1)`).

Source: MacKay & Peto 1995, "A Hierarchical Dirichlet Language Model", eq. 13.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int
from torch import Tensor

from minigpt.datasets.files.token_rows import TokenRow

Row = Int[np.ndarray, " pos"] | Int[Tensor, " pos"] | TokenRow

MOST_STRETCHES: Final = 32
"""At most this many stretches of a long row are counted."""
_STRETCH = 1 << 20
_MOST_PREDICTED = 1 << 22


class Baselines(NamedTuple):
    """Losses to beat, in nats per token."""

    uniform: float
    unigram: float
    bigram: float


def count_baselines(
    train_tokens: Row, validation_tokens: Row, vocab_size: int
) -> Baselines:
    """Measure the three baselines on a validation text.

    Args:
        train_tokens: Ids to count; a very long row is sampled in stretches.
        validation_tokens: Ids to predict, two or more; of a very long row, the first.
        vocab_size: Number of ids.
    """
    held_out = np.asarray(validation_tokens[:_MOST_PREDICTED], dtype=np.int64)
    codes, times = np.unique(
        held_out[:-1] * vocab_size + held_out[1:], return_counts=True
    )
    before, targets = np.divmod(codes, vocab_size)

    totals = np.zeros(vocab_size, np.int64)  # of tokens that another one follows
    pairs = np.zeros(len(codes), np.int64)
    for stretch in _stretches(train_tokens):
        totals += np.bincount(stretch[:-1], minlength=vocab_size)
        pairs += _count(stretch[:-1] * vocab_size + stretch[1:], codes)
    counts = totals.copy()
    counts[stretch[-1]] += 1

    unigram = (counts + 1 / vocab_size) / (counts.sum() + 1)
    bigram = (pairs + unigram[targets]) / (totals[before] + 1)
    return Baselines(
        uniform=float(np.log(vocab_size)),
        unigram=float(np.average(-np.log(unigram[targets]), weights=times)),
        bigram=float(np.average(-np.log(bigram), weights=times)),
    )


def _stretches(tokens: Row) -> Iterator[Int[np.ndarray, " stretch"]]:
    """Yield a row in stretches: all of it, or at most `MOST_STRETCHES`."""
    number = -(-len(tokens) // _STRETCH)
    chosen = np.linspace(0, number - 1, min(number, MOST_STRETCHES)).astype(int)
    for place in chosen.tolist():
        # One token more, for the pair that crosses the border.
        stretch = tokens[place * _STRETCH : (place + 1) * _STRETCH + 1]
        yield np.asarray(stretch, dtype=np.int64)


def _count(
    seen: Int[np.ndarray, " seen"], codes: Int[np.ndarray, " code"]
) -> Int[np.ndarray, " code"]:
    """Count how often each of some codes, in order, was seen."""
    places = np.searchsorted(codes, seen).clip(max=len(codes) - 1)
    return np.bincount(places[codes[places] == seen], minlength=len(codes))
