"""What an untrained model's heads score: the band that a real habit must leave behind.

A query near the start has few keys to choose from, so every head reads the previous
token somewhat, and on a short text a lot. A score says something only beside the score
that the same architecture gets, on the same text, before it learned anything.

Before: `scores` and `repeated_tokens`, which score. Next: the Head explorer,
which shows both.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from minigpt.config import ModelConfig
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.repeated_tokens import scores_on
from minigpt.interpret.heads.scores import (
    FEWEST_QUERIES,
    HABITS,
    SCORES,
    ByHead,
    HeadScores,
    average,
)
from minigpt.model import TransformerLM
from minigpt.model.initialize import initialize
from minigpt.model.sizes import num_parameters

SEEDS = 6
"""Untrained models behind a band."""

WIDTH = 2.0
"""Standard deviations from the band's middle to its edge."""

FAR = 5.0
"""Standard deviations from the middle where no untrained head is met."""

MOST = 0.5
"""A habit that takes at least this share of the weight gives a head its name."""

MOST_REDRAWN = 2_000_000
"""Weights of a model that is kept, to draw other weights for it: 8 MB."""

UNNAMED = "no clear habit"
"""What is said of a head that gets no name."""

# The initialisation draws from torch's one generator: one band after the other.
_drawing = threading.Lock()


@dataclass(frozen=True)
class NullBand:
    """Scores of untrained models, as mean and standard deviation."""

    mean: HeadScores
    """Over the seeds."""
    deviation: HeadScores
    """Over the seeds, pooled over the heads of a layer: they are all alike."""
    seeds: int

    def edges(self, score: str, width: float = WIDTH) -> tuple[ByHead, ByHead]:
        """Return where the band of one score begins and ends.

        Args:
            score: One of `SCORES`.
            width: Standard deviations to either side of the mean.
        """
        return edges_around(
            getattr(self.mean, score), getattr(self.deviation, score), width
        )


def edges_around(
    mean: Float[np.ndarray, "*scores"],
    deviation: Float[np.ndarray, "*scores"],
    width: float,
) -> tuple[Float[np.ndarray, "*scores"], Float[np.ndarray, "*scores"]]:
    """Return where a band begins, not below 0, and where it ends.

    Args:
        mean: Of untrained models.
        deviation: Of the same shape.
        width: Standard deviations to either side of the mean.
    """
    return np.maximum(mean - width * deviation, 0), mean + width * deviation


def pooled_deviation(
    values: Float[np.ndarray, "model *scores head"],
) -> Float[np.ndarray, "*scores head"]:
    """Return how far untrained models lie apart, pooled over the heads of a layer.

    Args:
        values: Scores of every head of several models.

    Returns:
        Standard deviations, [*scores head].

    Raises:
        ValueError: If there are fewer than two models: one has no spread.
    """
    if len(values) < 2:
        raise ValueError(
            f"A band needs at least 2 untrained models, not {len(values)}."
        )
    variance = values.var(axis=0, ddof=1).mean(axis=-1, keepdims=True)
    return np.broadcast_to(np.sqrt(variance), values.shape[1:])


def untrained_model(
    config: ModelConfig, windows: Windows, seed: int
) -> tuple[TransformerLM, Windows]:
    """Make a model with random weights, and write texts in the tokens that it knows.

    Untrained vectors are all drawn alike, so it is enough to draw those of the tokens
    and positions that occur: scores of patterns have the same distribution.

    Args:
        config: The architecture.
        windows: The texts, all of one length.
        seed: Seed of the random weights.

    Returns:
        The model, and the same texts with its ids.

    Raises:
        ConfigError: If a second model of this size does not fit into memory.
    """
    settings, tokens = _as_numbered(config, windows)
    with _drawing, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = TransformerLM(**settings.to_dict()).eval().requires_grad_(False)
    return model, tokens


def _as_numbered(config: ModelConfig, windows: Windows) -> tuple[ModelConfig, Windows]:
    """Number the tokens of some texts from 0; return a model's sizes for so few."""
    distinct, tokens = np.unique(np.asarray(windows), return_inverse=True)
    size = {"vocab_size": len(distinct), "max_seq_len": np.shape(windows)[1]}
    return config.replace(**size), tokens.reshape(np.shape(windows))


def untrained_scores(config: ModelConfig, windows: Windows, seed: int) -> HeadScores:
    """Score every head of an untrained model, with random weights.

    Args:
        config: The architecture.
        windows: The texts, all of one length.
        seed: Seed of the random weights.

    Raises:
        ConfigError: If a second model of this size does not fit into memory.
    """
    settings, tokens = _as_numbered(config, windows)
    if num_parameters(settings) > MOST_REDRAWN:
        return scores_on(*untrained_model(config, windows, seed))
    with _drawing, torch.random.fork_rng(devices=[]):
        model = _of_shape(settings.model_dump_json())
        draw_again(model, seed)
        return scores_on(model, tokens)


@lru_cache(maxsize=4)
def _of_shape(settings: str) -> TransformerLM:
    """Build a model to draw weights for: building takes longer than drawing."""
    config = ModelConfig.model_validate_json(settings)
    return TransformerLM(**config.to_dict()).eval().requires_grad_(False)


def draw_again(model: TransformerLM, seed: int) -> None:
    """Give a model the weights that a new one of its shape begins with.

    Bit for bit: its parts draw in the order in which they were built.

    Args:
        model: Its weights are lost.
        seed: As for `torch.manual_seed`.
    """
    torch.default_generator.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            module.reset_parameters()
    initialize(model, model.config)


def band(scores: Sequence[HeadScores]) -> NullBand:
    """Turn the scores of several untrained models into a band.

    Raises:
        ValueError: If there are fewer than two: one has no spread.
    """
    spread: dict[str, Any] = {
        name: pooled_deviation(np.array([getattr(each, name) for each in scores]))
        for name in SCORES
    }
    return NullBand(average(scores), HeadScores(**spread), len(scores))


def null_band(config: ModelConfig, windows: Windows, seeds: int = SEEDS) -> NullBand:
    """Score the heads of several untrained models on the same texts.

    Args:
        config: The architecture.
        windows: The texts.
        seeds: How many models.

    Raises:
        ConfigError: See `untrained_scores`.
    """
    return band([untrained_scores(config, windows, seed) for seed in range(seeds)])


def cautious_label(scores: HeadScores, null: NullBand, layer: int, head: int) -> str:
    """Name a head's habit on a text, if one habit takes most of its weight.

    The bar is high on purpose: half of the weight, over some queries, far outside the
    band. Most heads do several things, and get no name. Wherever a head is named, this
    function names it, so that a head has one name on one text.

    Args:
        scores: On some text.
        null: The band of the same text.
        layer: Whose head.
        head: Which one.
    """
    habits = {
        name: getattr(scores, name)[layer, head]
        for name in HABITS
        if scores.queries.get(name, 0) >= FEWEST_QUERIES
        and getattr(scores, name)[layer, head] > null.edges(name, FAR)[1][layer, head]
    }
    name = max(habits, key=habits.__getitem__, default=None)
    if name is None or habits[name] < MOST:
        return UNNAMED
    return f"mostly reads {HABITS[name]}"
