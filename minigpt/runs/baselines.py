"""What a loss means: what you would get without a network, by counting alone.

- *uniform*: every token equally likely, ln(vocab).
- *unigram*: each token as likely as it is frequent in the training text.
- *bigram*: as frequent as it is after the token before it.

Counts come from the training text, losses from the validation text. A pair that was
never seen would cost infinity, so counts are smoothed: each distribution starts with
one imaginary observation of the simpler one (`p = (count + p_simpler) / (total + 1)`).

Source: MacKay & Peto 1995, "A Hierarchical Dirichlet Language Model", eq. 13.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Baselines(NamedTuple):
    """Losses to beat, in nats per token."""

    uniform: float
    unigram: float
    bigram: float


def count_baselines(
    train_tokens: Int[np.ndarray, " train"],
    validation_tokens: Int[np.ndarray, " validation"],
    vocab_size: int,
) -> Baselines:
    """Measure the three baselines on a validation text.

    Args:
        train_tokens: Ids to count.
        validation_tokens: Ids to predict, two or more.
        vocab_size: Number of ids.
    """
    train = np.asarray(train_tokens, dtype=np.int64)
    targets = np.asarray(validation_tokens[1:], dtype=np.int64)
    before = np.asarray(validation_tokens[:-1], dtype=np.int64)

    counts = np.bincount(train, minlength=vocab_size)
    unigram = (counts + 1 / vocab_size) / (counts.sum() + 1)

    pairs = _lookup(train[:-1] * vocab_size + train[1:], before * vocab_size + targets)
    totals = np.bincount(train[:-1], minlength=vocab_size)[before]
    bigram = (pairs + unigram[targets]) / (totals + 1)

    return Baselines(
        uniform=float(np.log(vocab_size)),
        unigram=float(-np.log(unigram[targets]).mean()),
        bigram=float(-np.log(bigram).mean()),
    )


def _lookup(
    seen: Int[np.ndarray, " seen"], wanted: Int[np.ndarray, " wanted"]
) -> Float[np.ndarray, " wanted"]:
    """Count how often each wanted code was seen, without a table of all codes."""
    if len(seen) == 0:
        return np.zeros(len(wanted))
    codes, counts = np.unique(seen, return_counts=True)
    places = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
    return np.where(codes[places] == wanted, counts[places], 0).astype(np.float64)
