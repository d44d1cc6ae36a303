"""A name for a head, if it holds: on held-out text, far from what untrained heads do.

A name is a claim about the model and not about a prompt, so it must hold in text that
was not chosen. It is given only where all of this is true of a habit:

1. the whole 95 % interval of its score lies at half of the weight or above;
2. the score lies far outside the band of untrained models of the same shape;
3. enough queries can show the habit at all;
4. the head reads more there than how far back it reads would explain. (A head that
   reads the last three tokens, whatever they are, mostly reads its own word too.)

Of several such habits, the one that accounts for most weight beyond chance is the name.
Most heads do several things; then "no clear habit" is the honest answer.

Before: `held_out_scores`, which measures. Next: the Head explorer, which shows names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minigpt.config import ModelConfig
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.habits import ALL_HABITS, PLACES, HabitCells, text_habits
from minigpt.interpret.heads.held_out_scores import (
    ByHabit,
    HeldOutScores,
    held_out_scores,
    weight_on,
)
from minigpt.interpret.heads.null_band import (
    FAR,
    MOST,
    SEEDS,
    UNNAMED,
    WIDTH,
    edges_around,
    pooled_deviation,
    untrained_model,
)
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer

BEYOND_DISTANCE = 0.05
"""By so much weight more than its distances explain, a head reads a kind of token."""

LEAST_COVERAGE = 0.05
"""A habit that fewer queries can show is no name for a head."""

LAST_RESORT = "last_three"
"""Names a head only if nothing more precise does."""


@dataclass(frozen=True)
class HabitBand:
    """What untrained models of a shape score on the habits of some windows."""

    mean: ByHabit
    """Over the models."""
    deviation: ByHabit
    """Over the models, pooled over the heads of a layer: they are all alike."""
    seeds: int
    """How many models."""

    def edges(self, width: float = WIDTH) -> tuple[ByHabit, ByHabit]:
        """Return where the band begins and ends.

        Args:
            width: Standard deviations to either side of the mean.
        """
        return edges_around(self.mean, self.deviation, width)


def untrained_habits(
    config: ModelConfig, windows: Windows, habits: HabitCells, seed: int
) -> ByHabit:
    """Score every head of an untrained model on the habits of some windows.

    Args:
        config: The architecture.
        windows: Ids, [window pos].
        habits: Those of the windows.
        seed: Seed of the random weights.

    Raises:
        ConfigError: If a second model of this size does not fit into memory.
    """
    model, tokens = untrained_model(config, windows, seed)
    on_habits = weight_on(model, tokens, habits.cells).on_habits.sum(0)
    queries = np.array([mask.any(-1).sum() for mask in habits.cells.values()])
    scores: ByHabit = on_habits / queries[:, None, None]
    return scores


def habit_band(scores: Sequence[ByHabit]) -> HabitBand:
    """Turn the scores of several untrained models into a band.

    Raises:
        ValueError: If there are fewer than two: one has no spread.
    """
    values = np.array(scores)
    return HabitBand(values.mean(0), pooled_deviation(values), len(scores))


Names = list[list[str | None]]
"""By layer and head: the habit that a head is named after, or None."""


def names_of_heads(scores: HeldOutScores, band: HabitBand) -> Names:
    """Name every head after a habit, where one holds.

    Args:
        scores: On held-out text.
        band: Of untrained models, on the same text.
    """
    far, habits = band.edges(FAR)[1], np.array(scores.habits)
    coverage = np.array([scores.coverage[name] for name in scores.habits])
    coverage, is_place = coverage[:, None, None], np.isin(habits, PLACES)[:, None, None]
    holds = (
        (scores.low >= MOST)
        & (scores.low > far)
        & (coverage >= LEAST_COVERAGE)
        & (is_place | (scores.low > scores.by_distance + BEYOND_DISTANCE))
    )
    beyond = coverage * (scores.score - band.mean)
    beyond[habits == LAST_RESORT] *= 1e-3  # behind all that is more precise
    best = np.where(holds, beyond, -np.inf).argmax(0)  # [layer head]
    is_named = np.any(holds, axis=0)
    return [
        [scores.habits[at] if named else None for at, named in zip(*row, strict=True)]
        for row in zip(best.tolist(), is_named.tolist(), strict=True)
    ]


def beyond_untrained(scores: HeldOutScores, band: HabitBand | None) -> ByHabit:
    """Return how far each habit's whole interval lies above untrained heads.

    Without a band, it is how far it lies above 0.
    """
    above: ByHabit = scores.low if band is None else scores.low - band.edges()[1]
    return above


def name_in_words(habit: str | None) -> str:
    """Return what is said of a head: `mostly reads the token just before`."""
    return UNNAMED if habit is None else f"mostly reads {ALL_HABITS[habit]}"


def head_names(
    model: TransformerLM, tokenizer: Tokenizer, windows: Windows, seeds: int = SEEDS
) -> Names:
    """Name every head of a model, from windows of held-out text.

    Args:
        model: Whose heads.
        tokenizer: The model's own.
        windows: Text that the model did not learn from, [window pos].
        seeds: Untrained models to compare with.
    """
    scores = held_out_scores(model, tokenizer, windows)
    habits = text_habits(tokenizer, windows)
    band = habit_band(
        [untrained_habits(model.config, windows, habits, at) for at in range(seeds)]
    )
    return names_of_heads(scores, band)
