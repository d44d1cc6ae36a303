"""A text on which heads show what they do: random tokens, said twice.

Stories mix every cue there is: a token may be read because it is near, because it means
something, or because it came first. In random tokens nothing helps to tell what comes
next, until they are said again: from there on, looking back is all that helps.

Before: `scores`, which scores one text. Next: `null_band`.

Source: Olsson et al. 2022, arXiv:2209.11895.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from minigpt.hooks import Hooked
from minigpt.interpret.corpora import Windows, ordinary_tokens
from minigpt.interpret.heads.scores import HeadScores, average, head_scores
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.tokenizers.base import Tokenizer

SEGMENT = 32
"""Tokens that are said, and then said again."""

FEWEST_FAMILIAR = 8
"""Of fewer different tokens, no segment worth repeating can be made."""


def familiar_tokens(
    tokenizer: Tokenizer, windows: Windows
) -> Int[np.ndarray, " token"]:
    """Return the ids that a model met in training, as far as its own text shows.

    A vocabulary may hold tokens that no text ever used, and whose vectors are noise.

    Args:
        tokenizer: The model's own.
        windows: Of the model's own data.
    """
    ordinary = ordinary_tokens(tokenizer)
    met = np.intersect1d(ordinary, windows)
    return met if len(met) >= FEWEST_FAMILIAR else ordinary


def repeated_tokens(
    vocabulary: Int[np.ndarray, " token"], longest: int, count: int = 4, seed: int = 0
) -> Windows:
    """Make windows of random tokens, all different, said twice.

    Args:
        vocabulary: Ids to draw from.
        longest: What the model reads at once, in tokens.
        count: Windows.
        seed: Same seed, same windows.
    """
    rng = np.random.default_rng(seed)
    size = max(1, min(SEGMENT, longest // 2, len(vocabulary)))
    segments = [rng.choice(vocabulary, size, replace=False) for _ in range(count)]
    return np.tile(np.stack(segments), 2)[:, :longest].astype(np.int64)


def scores_on(model: Hooked, windows: Windows | Sequence[Sequence[int]]) -> HeadScores:
    """Score every head of a model on some texts, and average over the texts.

    Args:
        model: Any model with attention.
        windows: Ids of each text.
    """
    texts = [[int(token) for token in window] for window in windows]
    return average(
        [head_scores(attention_patterns(model, text), text) for text in texts]
    )
